package io.sluice.app;

import io.sluice.app.SluiceOptions.Role;
import io.vertx.core.Future;
import java.io.PrintStream;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;

/** Starts a server, says when it is ready, and stops it when the process is told to end. */
final class ServerCommand {

  private static final System.Logger LOG = System.getLogger(ServerCommand.class.getName());

  /** What each command runs. */
  static final Map<String, Set<Role>> ROLES =
      Map.of(
          "standalone", EnumSet.of(Role.NAMESERVER, Role.BROKER, Role.GATEWAY),
          "controller", EnumSet.of(Role.CONTROLLER),
          "nameserver", EnumSet.of(Role.NAMESERVER),
          "broker", EnumSet.of(Role.BROKER),
          "gateway", EnumSet.of(Role.GATEWAY));

  /** A stop that takes longer is cut off: what was acked is safe by then, whatever hangs. */
  private static final long STOP_SECONDS = 10;

  /** What the start left behind is cleared away once the first requests are answered. */
  private static final long SETTLE_SECONDS = 1;

  private final String name;
  private final PrintStream out;
  private final PrintStream err;
  private final Map<String, String> environment;
  private final Function<SluiceOptions, Future<Sluice>> starter;

  ServerCommand(String name, PrintStream out, PrintStream err, Map<String, String> environment) {
    this(name, out, err, environment, Sluice::start);
  }

  /** With another way to start the server. */
  ServerCommand(
      String name,
      PrintStream out,
      PrintStream err,
      Map<String, String> environment,
      Function<SluiceOptions, Future<Sluice>> starter) {
    this.starter = starter;
    this.name = name;
    this.out = out;
    this.err = err;
    this.environment = environment;
  }

  /** Runs until the process is told to end, or the start fails. */
  ExitCode run(String[] args) {
    return serveFor(args, ServerCommand::awaitEnd);
  }

  /** Runs until the work is done, the process is told to end, or the start fails. */
  ExitCode serveFor(String[] args, Consumer<Sluice> work) {
    Optional<ServerFlags> flags = ServerFlags.tryRead(args);
    if (flags.isEmpty()) {
      return ServerHelp.explain(name, args, out, err);
    }
    Configuration configuration;
    SluiceOptions options;
    try {
      configuration =
          ConfigSources.load(
              flags.get().file(), flags.get().rocketMqFiles(), environment, flags.get().values());
      options = new SluiceOptions(configuration).setRoles(ROLES.get(name));
    } catch (ConfigException e) {
      e.mistakes().forEach(mistake -> err.println("sluice: " + mistake));
      return ExitCode.USAGE;
    }
    Logging.configure(configuration.text(ConfigTable.LOG_LEVEL));
    return serve(configuration, options, flags.get().json(), work);
  }

  private ExitCode serve(
      Configuration configuration, SluiceOptions options, boolean json, Consumer<Sluice> work) {
    LOG.log(System.Logger.Level.INFO, "configuration: " + configuration.describe());
    for (Configuration.Note note : configuration.notes()) {
      LOG.log(note.warning() ? System.Logger.Level.WARNING : System.Logger.Level.INFO, note.text());
    }
    Future<Sluice> started = starter.apply(options);
    // Whoever is told to stop while starting stops what has been started by then.
    Thread stopper = new Thread(() -> stop(started, options), "sluice-shutdown");
    Runtime.getRuntime().addShutdownHook(stopper);
    try {
      Sluice sluice = started.await();
      out.println(json ? ReadyLine.json(sluice) : ReadyLine.text(sluice, options));
      out.flush();
      work.accept(sluice);
      stop(started, options);
      return ExitCode.OK;
    } catch (StartException e) {
      err.println("sluice: " + e.getMessage());
      return e.exitCode();
    }
  }

  /**
   * The process ends by a signal, and the shutdown hook does the rest; or an operator has it
   * drained.
   */
  private static void awaitEnd(Sluice sluice) {
    CountDownLatch drained = new CountDownLatch(1);
    sluice.whenClosed().onComplete(done -> drained.countDown());
    try {
      if (!drained.await(SETTLE_SECONDS, TimeUnit.SECONDS)) {
        HeapShape.follow();
        drained.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void stop(Future<Sluice> started, SluiceOptions options) {
    DrainOptions order = DrainOptions.of(options);
    long seconds = STOP_SECONDS + order.grace().plus(order.timeout()).toSeconds();
    try {
      started
          .compose(sluice -> sluice.drain(order))
          .toCompletionStage()
          .toCompletableFuture()
          .get(seconds, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      err.println("sluice: not everything was closed after " + seconds + " s; ending anyway");
    } catch (ExecutionException e) {
      // The start had failed; it has said why and closed what was open.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
