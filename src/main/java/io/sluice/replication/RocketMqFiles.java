package io.sluice.replication;

import io.sluice.store.FileAccess;
import io.sluice.store.SmallFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a slave of RocketMQ keeps beside its log, in the directory {@code rocketmq} of its data: the
 * files of RocketMQ's directory {@code config} as the master last sent them, and how far a
 * take-over has come. For workers.
 *
 * <pre>
 *   rocketmq/config/...    topics, groups, positions, and how far delayed messages were delivered
 *   rocketmq/taking-over   while it is promoted: where RocketMQ's log ends
 *   rocketmq/taken-over    afterwards: the data are Sluice's own from there on
 * </pre>
 */
public final class RocketMqFiles {

  /** Request codes of what a slave asks its master for, and the file that each answer is. */
  static final Map<Integer, String> STATE = state();

  /** The checkpoint of the timer; a master without a timer has none. */
  static final int TIMER_CHECKPOINT = 60;

  private final Path directory;

  /** Those in a Broker's data directory. */
  public RocketMqFiles(Path dataDirectory) {
    directory = dataDirectory.resolve("rocketmq");
  }

  // Source: Apache RocketMQ 5.5.0, SlaveSynchronize, and the children of ConfigManager.
  private static Map<Integer, String> state() {
    Map<Integer, String> files = new LinkedHashMap<>();
    // Positions first: what is delivered or handled meanwhile comes again rather than not at all.
    files.put(43, "consumerOffset.json");
    files.put(45, "delayOffset.json");
    files.put(TIMER_CHECKPOINT, "timercheck");
    files.put(21, "topics.json");
    files.put(201, "subscriptionGroup.json");
    return files;
  }

  /** Where RocketMQ would have its {@code config}. */
  public Path directory() {
    return directory;
  }

  /** Replaces the file of an answer, durably and in one step. */
  void write(int code, byte[] content) throws IOException {
    Path path = directory.resolve("config").resolve(STATE.get(code));
    if (Files.exists(path) && Arrays.equals(Files.readAllBytes(path), content)) {
      return;
    }
    Files.createDirectories(path.getParent());
    SmallFiles.replace(FileAccess.system(), path, ByteBuffer.wrap(content));
  }

  /** Whether all of the state was there once. */
  boolean hasState() {
    Path config = directory.resolve("config");
    return STATE.values().stream()
        .allMatch(name -> name.equals("timercheck") || Files.exists(config.resolve(name)));
  }

  /** Where RocketMQ's log ends, if a take-over began and did not end; else -1. */
  public long takingOverFrom() throws IOException {
    Path path = directory.resolve("taking-over");
    return Files.exists(path) ? Long.parseLong(Files.readString(path).trim()) : -1;
  }

  /** Notes durably where RocketMQ's log ends, before anything is written behind it. */
  public void beginTakeOver(long end) throws IOException {
    Files.createDirectories(directory);
    byte[] text = (end + "\n").getBytes(StandardCharsets.US_ASCII);
    SmallFiles.replace(
        FileAccess.system(), directory.resolve("taking-over"), ByteBuffer.wrap(text));
  }

  /** The data are Sluice's own from now on. */
  public void endTakeOver() throws IOException {
    SmallFiles.move(
        FileAccess.system(), directory.resolve("taking-over"), directory.resolve("taken-over"));
  }

  /** A take-over that was begun is given up. */
  void giveUpTakeOver() throws IOException {
    Files.deleteIfExists(directory.resolve("taking-over"));
  }

  /** Whether the data were taken over. */
  public boolean isTakenOver() {
    return Files.exists(directory.resolve("taken-over"));
  }
}
