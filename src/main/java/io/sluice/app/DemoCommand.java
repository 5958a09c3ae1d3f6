package io.sluice.app;

import io.sluice.app.load.Bench;
import io.sluice.app.load.Consistency;
import io.sluice.app.load.Demo;
import io.sluice.app.load.Endpoint;
import io.sluice.app.load.ServerProcess;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Plays one of the three jobs of a message queue, or how services agree through one. */
@Command(
    name = "demo",
    hidden = true,
    mixinStandardHelpOptions = true,
    description =
        "Plays one of the three jobs of a message queue: decouple, peak or distribute; or how four"
            + " services come to agree (consistency). Where no server answers, one is started for"
            + " it.",
    footer = {
      "",
      "Examples:",
      "  scripts/demo decouple",
      "  scripts/demo consistency",
      "  scripts/demo peak --server http://127.0.0.1:8080",
      "",
      "Exit codes: 0 all promises were kept; 2 wrong usage; 5 a promise was broken."
    })
final class DemoCommand implements Callable<Integer> {

  private static final int CONNECT_MS = 1_000;

  /** Orders of the consistency scenario. */
  private static final int ORDERS = 200;

  /** What is played. */
  enum Job {
    DECOUPLE,
    PEAK,
    DISTRIBUTE,
    CONSISTENCY
  }

  private final CommandContext context;

  @Parameters(paramLabel = "JOB", description = "decouple, peak, distribute or consistency.")
  private Job job;

  @Option(
      names = "--scale",
      paramLabel = "FACTOR",
      description = "0.1 takes a tenth of the time. Default: 1.")
  private double scale = 1;

  @Option(
      names = "--rates",
      paramLabel = "FACTOR",
      description = "0.1 sends and takes a tenth as much a second. Default: 1.")
  private double rates = 1;

  @Mixin private ServerOptions options;

  DemoCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    URI uri = context.server(options.server);
    Endpoint server = context.endpoint(options, -1);
    if (answers(server)) {
      return job == Job.CONSISTENCY
          ? agree(new Foreign(uri, server.authorization()))
          : play(server);
    }
    if (options.server != null) {
      throw new CommandFailure(ExitCode.UNREACHABLE, "no server answers at " + uri);
    }
    context.err().println("no server answers at " + uri + "; starting one for the demo");
    Path directory = Files.createTempDirectory("sluice-demo");
    if (job == Job.CONSISTENCY) {
      try (Own own = new Own(directory.resolve("data"))) {
        return agree(own);
      } finally {
        Bench.deleteAll(directory);
      }
    }
    try (ServerProcess own =
        ServerProcess.start(directory.resolve("data"), Installation.jvmFlags())) {
      return play(own.endpoint());
    } finally {
      Bench.deleteAll(directory);
    }
  }

  private static boolean answers(Endpoint server) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(server.host(), server.port()), CONNECT_MS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private int play(Endpoint server) throws InterruptedException {
    try (Demo demo = new Demo(server, context.out(), scale, rates)) {
      List<String> broken = demo.run(Demo.Job.valueOf(job.name()));
      return broken.isEmpty() ? ExitCode.OK.number() : ExitCode.PROMISE_BROKEN.number();
    }
  }

  private int agree(Consistency.Server server) throws InterruptedException {
    int orders = Math.max(20, (int) (ORDERS * scale));
    try (Consistency play = new Consistency(server, context.out(), orders)) {
      return play.run().isEmpty() ? ExitCode.OK.number() : ExitCode.PROMISE_BROKEN.number();
    }
  }

  /** A server that somebody else runs. */
  private record Foreign(URI uri, String authorization) implements Consistency.Server {
    @Override
    public boolean crash() {
      return false;
    }
  }

  /** A server for the play, which dies in the middle of it. */
  static final class Own implements Consistency.Server, AutoCloseable {
    private final Path data;
    private volatile ServerProcess process;

    Own(Path data) throws IOException {
      this.data = data;
      process = ServerProcess.start(data, Installation.jvmFlags());
    }

    @Override
    public URI uri() {
      return URI.create(process.url());
    }

    @Override
    public boolean crash() throws IOException, InterruptedException {
      process.kill();
      process = ServerProcess.start(data, Installation.jvmFlags());
      return true;
    }

    @Override
    public void close() {
      process.close();
    }
  }
}
