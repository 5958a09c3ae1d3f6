package io.sluice.app;

import io.sluice.app.load.Bench;
import io.sluice.app.load.Bench.Scenario;
import io.sluice.app.load.BenchFiles;
import io.sluice.app.load.Figures;
import io.sluice.app.load.ServerProcess;
import io.sluice.util.Durations;
import io.sluice.util.NearestName;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Measures a server. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures throughput, latency and the server's processor time per message.",
      "Without --server each scenario has a fresh server of its own, started for it.",
      "",
      "Scenarios: bare, send-memory, send-disk, batch, push, push-batch, latency-http, latency-ws,"
          + " fanout, idle, start; all of them by default."
    },
    footer = {
      "",
      "Latency counts from the time a message was meant to be sent (coordinated omission is",
      "corrected). Percentiles are in milliseconds.",
      "",
      "Examples:",
      "  sluice bench",
      "  sluice bench bare send-memory send-disk --measure 20s",
      "  sluice bench latency-ws --rate 5000 --output target/bench",
      "  sluice bench push --server http://127.0.0.1:8080 --pid 4711 --json",
      "",
      "Exit codes: 0 done; 2 wrong usage; 3 no server answers; 5 messages were refused or lost."
    })
final class BenchCommand implements Callable<Integer> {

  private final CommandContext context;

  @Parameters(paramLabel = "SCENARIO", arity = "0..*", description = "What to measure.")
  private List<String> words = List.of();

  @Option(names = "--size", paramLabel = "BYTES", description = "Size of a body. Default: 128.")
  private int size = 128;

  @Option(names = "--warm-up", paramLabel = "DURATION", description = "Not measured. Default: 5s.")
  private String warmup = "5s";

  @Option(names = "--measure", paramLabel = "DURATION", description = "Measured. Default: 10s.")
  private String measure = "10s";

  @Option(names = "--connections", paramLabel = "N", description = "For sends. Default: 64.")
  private int connections = 64;

  @Option(
      names = "--in-flight",
      paramLabel = "N",
      description = "Requests in flight on each connection. Default: 1.")
  private int inFlight = 1;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description = "Messages a second where latency is measured. Default: 1000.")
  private double rate = 1_000;

  @Option(names = "--subscribers", paramLabel = "N", description = "For fanout. Default: 1000.")
  private int subscribers = 1_000;

  @Option(names = "--idle", paramLabel = "N", description = "For idle. Default: 10000.")
  private int idle = 10_000;

  @Option(
      names = "--pushed",
      paramLabel = "N",
      description = "Messages pushed one a frame; four times as many in batches. Default: 1000000.")
  private long pushed = 1_000_000;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Write histograms (.hgrm, .hlog) and a picture of the percentiles (.svg) there.")
  private Path output;

  @Option(
      names = "--pid",
      paramLabel = "PID",
      description = "The process of --server, so that its processor time is known.")
  private long pid = -1;

  @Option(
      names = "--server-flag",
      paramLabel = "FLAG",
      description =
          "A flag for servers started here, such as --server-flag=--ack=memory; may repeat.")
  private List<String> serverFlags = List.of();

  @Mixin private ServerOptions options;

  BenchCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Set<Scenario> scenarios = scenarios();
    List<Figures> all = new ArrayList<>();
    Progress progress = new Progress(context.err());
    try (Bench bench = new Bench(sizes(), text -> progress.force("measuring " + text))) {
      for (Scenario scenario : scenarios) {
        List<Figures> figures = measure(bench, scenario);
        progress.clear();
        all.addAll(figures);
        if (options.json) {
          figures.forEach(f -> context.json(json(f)));
        }
      }
    }
    if (!options.json) {
      print(all);
    }
    if (output != null) {
      BenchFiles.write(output, all);
    }
    return all.stream().anyMatch(f -> f.failed() != 0)
        ? ExitCode.PROMISE_BROKEN.number()
        : ExitCode.OK.number();
  }

  private Bench.Size sizes() {
    return new Bench.Size(
        size,
        Durations.parseMs(warmup),
        Durations.parseMs(measure),
        connections,
        inFlight,
        rate,
        subscribers,
        idle,
        pushed);
  }

  private Set<Scenario> scenarios() {
    if (words.isEmpty()) {
      return EnumSet.allOf(Scenario.class);
    }
    List<String> known = Arrays.stream(Scenario.values()).map(Scenario::word).toList();
    for (String word : words) {
      if (!known.contains(word)) {
        Optional<String> near = NearestName.find(word, known);
        throw new CommandFailure(
            ExitCode.USAGE,
            "there is no scenario '"
                + word
                + "'"
                + near.map(n -> "; did you mean '" + n + "'?").orElse("; see --help"));
      }
    }
    return Arrays.stream(Scenario.values())
        .filter(scenario -> words.contains(scenario.word()))
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(Scenario.class)));
  }

  private List<Figures> measure(Bench bench, Scenario scenario)
      throws IOException, InterruptedException {
    if (scenario == Scenario.BARE) {
      return List.of(bench.run(scenario, null));
    }
    if (scenario == Scenario.START) {
      return starts(bench);
    }
    if (options.server != null) {
      return List.of(bench.run(scenario, context.endpoint(options, pid)));
    }
    Path directory = Files.createTempDirectory("sluice-bench");
    try (ServerProcess server =
        ServerProcess.start(
            directory.resolve("data"),
            Installation.jvmFlags(),
            serverFlags.toArray(String[]::new))) {
      return List.of(bench.run(scenario, server.endpoint()));
    } finally {
      Bench.deleteAll(directory);
    }
  }

  /** The jar as anybody starts it, and the script with its shared archive. */
  private static List<Figures> starts(Bench bench) throws IOException, InterruptedException {
    List<Figures> all = new ArrayList<>();
    all.add(bench.start(ServerProcess.command(List.of(), List.of()), "start: java -jar"));
    Path script = Installation.runScript();
    if (Files.isExecutable(script)) {
      all.add(bench.start(List.of(script.toString()), "start: scripts/run"));
    }
    return all;
  }

  private void print(List<Figures> all) {
    Table table =
        new Table(
            "SCENARIO", "MESSAGES/S", "P50 MS", "P90", "P99", "P99.9", "MAX", "CPU S/M", "FAILED");
    for (Figures f : all) {
      table.row(
          f.name(),
          Figures.readable(f.perSecond()),
          Figures.readable(f.latencyMs(50)),
          Figures.readable(f.latencyMs(90)),
          Figures.readable(f.latencyMs(99)),
          Figures.readable(f.latencyMs(99.9)),
          Figures.readable(f.latencyMs(100)),
          Figures.readable(f.cpuSecondsPerMillion()),
          f.failed());
    }
    table.print(context.out());
    context.out().println();
    context
        .out()
        .println("CPU S/M: seconds of the server's processor time for a million messages.");
    if (options.server == null) {
      List<String> flags = Installation.jvmFlags();
      context
          .out()
          .println(
              "servers: started here with "
                  + (flags.isEmpty() ? "the JVM's defaults" : String.join(" ", flags)));
    }
    all.stream()
        .filter(f -> !f.note().isEmpty())
        .forEach(f -> context.out().println(f.name() + ": " + f.note()));
    all.stream()
        .filter(f -> f.name().equals(Scenario.BARE.word()))
        .forEach(bare -> compare(all, bare));
  }

  private void compare(List<Figures> all, Figures bare) {
    for (Figures f : all) {
      if (f.name().startsWith("send-")) {
        context
            .out()
            .printf("%s: %.0f %% of bare%n", f.name(), 100 * f.perSecond() / bare.perSecond());
      }
    }
  }

  private static JsonObject json(Figures f) {
    JsonObject json =
        new JsonObject()
            .put("scenario", f.name())
            .put("messages", f.messages())
            .put("perSecond", Math.round(f.perSecond()))
            .put("failed", f.failed());
    if (f.latency() != null) {
      JsonObject ms = new JsonObject();
      for (double percentile : new double[] {50, 90, 99, 99.9, 99.99, 100}) {
        ms.put(percentile == 100 ? "max" : "p" + percentile, f.latencyMs(percentile));
      }
      json.put("latencyMs", ms);
    }
    if (f.serverCpuNs() >= 0) {
      json.put("serverCpuSecondsPerMillion", f.cpuSecondsPerMillion());
    }
    return f.note().isEmpty() ? json : json.put("note", f.note());
  }
}
