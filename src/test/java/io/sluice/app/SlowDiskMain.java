package io.sluice.app;

import io.sluice.store.FileAccess;
import io.sluice.testkit.SlowFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A server like that of {@link Main}, on a disk that tests make slow while it runs. */
final class SlowDiskMain {

  private static final String DELAY_FILE = "sluice.test.force-delay";

  private SlowDiskMain() {}

  /** Runs a server command, the first of the arguments. */
  public static void main(String[] args) {
    System.getProperties().putIfAbsent("io.netty.jfr.enabled", "false");
    FileAccess files = new SlowFiles(FileAccess.system(), Path.of(System.getProperty(DELAY_FILE)));
    ServerCommand command =
        new ServerCommand(
            args[0],
            System.out,
            System.err,
            System.getenv(),
            options -> Sluice.start(options, files));
    System.exit(command.run(Arrays.copyOfRange(args, 1, args.length)).number());
  }

  /**
   * The command that runs it with the classes of this process.
   *
   * @param delayFile says by how many milliseconds each force takes longer, while it is there
   */
  static List<String> command(Path delayFile, List<String> javaFlags, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(javaFlags);
    command.add("-D" + DELAY_FILE + "=" + delayFile);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(SlowDiskMain.class.getName());
    command.addAll(arguments);
    return command;
  }
}
