package io.sluice.app;

import io.vertx.core.http.HttpMethod;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Has a server leave without anybody noticing, and waits until it has ended. */
@Command(
    name = "drain",
    mixinStandardHelpOptions = true,
    description = "Has a server leave and end: sends go to others, slaves get everything.",
    footer = {
      "",
      "SIGTERM does the same with the server's own drain.grace.",
      "",
      "Examples:",
      "  sluice drain --server http://one:8080",
      "  sluice drain --server http://one:8080 --grace 35s       # also for asynchronous sends",
      "  sluice drain --server http://one:8080 --to http://slave:8080",
      "",
      "Exit codes: 0 it has ended; 2 wrong usage; 3 no server answers; 4 the server refused; 6 it",
      "has not ended in time."
    })
final class DrainCommand implements Callable<Integer> {

  private static final long LOOK_MS = 200;

  private final CommandContext context;

  @Option(
      names = "--grace",
      paramLabel = "TIME",
      description =
          "For so long sends are taken, while routes say already that nothing is to be sent there;"
              + " by default the server's drain.grace.")
  private String grace;

  @Option(
      names = "--to",
      paramLabel = "URL",
      description = "The server of the slave that is to be the master then.")
  private String to;

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      defaultValue = "120",
      description = "Waits at most so long for its end, ${DEFAULT-VALUE} by default.")
  private int waitSeconds;

  @Mixin private ServerOptions options;

  DrainCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    try (ServerClient client = context.client(options)) {
      client.call(HttpMethod.POST, path(), Map.of(), null);
      long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(waitSeconds);
      while (client.isListening()) {
        if (System.nanoTime() > untilNs) {
          throw new CommandFailure(
              ExitCode.TIMED_OUT, "it has not ended after " + waitSeconds + " s");
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(LOOK_MS));
      }
    }
    context.out().println("drained");
    return ExitCode.OK.number();
  }

  private String path() {
    StringBuilder path = new StringBuilder("/v1/drain");
    add(path, "grace", grace);
    add(path, "to", to);
    return path.toString();
  }

  private static void add(StringBuilder path, String name, String value) {
    if (value != null) {
      path.append(path.indexOf("?") < 0 ? '?' : '&').append(name).append('=');
      path.append(URLEncoder.encode(value, StandardCharsets.UTF_8));
    }
  }
}
