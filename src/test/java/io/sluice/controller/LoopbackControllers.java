package io.sluice.controller;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Three controllers of one test, numbered from 1, on loopback addresses of their own. */
final class LoopbackControllers {

  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".8.";

  /** All of them. */
  final List<String> members = List.of(subnet + "1:9878", subnet + "2:9878", subnet + "3:9878");

  /** How one of them is set up, with its files below this directory. */
  ControllerOptions options(int number, Path directory) {
    return new ControllerOptions(
        "test",
        subnet + number,
        9878,
        members,
        directory.resolve("controller-" + number),
        Duration.ofSeconds(2),
        null,
        null);
  }
}
