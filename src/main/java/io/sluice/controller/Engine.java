package io.sluice.controller;

import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * The consensus that the controllers' log stands on: what is submitted by the leader is applied to
 * every state, in one order, once a majority has it on the disk. Safe for any thread.
 */
interface Engine {

  /**
   * Begins; blocks.
   *
   * @param state that committed commands are applied to, on a thread of the engine
   * @param leads told when this process begins to lead, or ends to, on any thread
   */
  void start(ControllerState state, Consumer<Boolean> leads) throws Exception;

  /**
   * Appends a command to the log.
   *
   * @return what {@link ControllerState#apply} said, once it is applied here; fails where this
   *     process does not lead, or it is not known whether it will be applied
   */
  CompletionStage<Boolean> submit(Command command);

  boolean isLeader();

  /** {@code host:port} of the leader, empty if none is known. */
  String leader();

  /** Leaves; blocks. */
  void stop();
}
