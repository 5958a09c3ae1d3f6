package io.sluice.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.app.load.ServerProcess;

/** Sends signals to servers: STOP lets one stand still, CONT lets it go on. */
public final class Signals {

  private Signals() {}

  /** Sends one by its name. */
  public static void send(ServerProcess server, String name) throws Exception {
    if (name.equals("STOP")) {
      Servers.letStandStill(server);
    }
    String pid = Long.toString(server.process().pid());
    assertEquals(0, new ProcessBuilder("kill", "-" + name, pid).start().waitFor());
  }
}
