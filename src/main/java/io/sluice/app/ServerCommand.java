package io.sluice.app;

import io.sluice.app.SluiceOptions.Role;
import io.vertx.core.Future;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** Starts a server, says when it is ready, and stops it when the process is told to end. */
final class ServerCommand {

  private static final System.Logger LOG = System.getLogger(ServerCommand.class.getName());

  /** What each command runs. */
  static final Map<String, Set<Role>> ROLES =
      Map.of(
          "standalone", EnumSet.allOf(Role.class),
          "nameserver", EnumSet.of(Role.NAMESERVER),
          "broker", EnumSet.of(Role.BROKER),
          "gateway", EnumSet.of(Role.GATEWAY));

  /** A stop that takes longer is cut off: what was acked is safe by then, whatever hangs. */
  private static final long STOP_SECONDS = 10;

  private final String name;
  private final PrintStream out;
  private final PrintStream err;
  private final Map<String, String> environment;

  ServerCommand(String name, PrintStream out, PrintStream err, Map<String, String> environment) {
    this.name = name;
    this.out = out;
    this.err = err;
    this.environment = environment;
  }

  /** Its flags, made from the table of configuration. */
  static CommandSpec spec(String name) {
    CommandSpec spec = CommandSpec.create().name("sluice " + name);
    spec.usageMessage()
        .description(ServerHelp.description(name))
        .sortOptions(false)
        .footer(ServerHelp.footer(name))
        .width(100);
    spec.addOption(
        OptionSpec.builder("--config")
            .type(Path.class)
            .paramLabel("FILE")
            .description("YAML file to read instead of conf/sluice.yaml.")
            .build());
    spec.addOption(
        OptionSpec.builder("--json")
            .type(boolean.class)
            .description("Say that the server is ready as one line of JSON.")
            .build());
    for (ConfigKey key : ConfigTable.KEYS) {
      spec.addOption(
          OptionSpec.builder(key.flag())
              .type(String.class)
              .paramLabel(key.type().word().toUpperCase(java.util.Locale.ROOT))
              .description(ServerHelp.sentence(key))
              .build());
    }
    return spec.addOption(
        OptionSpec.builder("-h", "--help")
            .usageHelp(true)
            .type(boolean.class)
            .description("Show this help.")
            .build());
  }

  /** Runs until the process is told to end, or the start fails. */
  ExitCode run(String[] args) {
    return serveFor(args, sluice -> awaitEnd());
  }

  /** Runs until the work is done, the process is told to end, or the start fails. */
  ExitCode serveFor(String[] args, Consumer<Sluice> work) {
    CommandLine commandLine = new CommandLine(spec(name));
    ParseResult flags;
    Configuration configuration;
    try {
      flags = commandLine.parseArgs(args);
      if (flags.isUsageHelpRequested()) {
        commandLine.usage(out);
        return ExitCode.OK;
      }
      configuration =
          ConfigSources.load(flags.matchedOptionValue("--config", null), environment, given(flags));
    } catch (CommandLine.ParameterException e) {
      return usage(Commands.explain(e));
    } catch (ConfigException e) {
      return usage(e.getMessage());
    }
    Logging.configure(configuration.text(ConfigTable.LOG_LEVEL));
    return serve(configuration, flags.hasMatchedOption("--json"), work);
  }

  private static Map<ConfigKey, String> given(ParseResult flags) {
    Map<ConfigKey, String> given = new LinkedHashMap<>();
    for (ConfigKey key : ConfigTable.KEYS) {
      if (flags.hasMatchedOption(key.flag())) {
        given.put(key, flags.matchedOptionValue(key.flag(), ""));
      }
    }
    return given;
  }

  private ExitCode serve(Configuration configuration, boolean json, Consumer<Sluice> work) {
    LOG.log(System.Logger.Level.INFO, "configuration: " + configuration.describe());
    SluiceOptions options = new SluiceOptions(configuration).setRoles(ROLES.get(name));
    Future<Sluice> started = Sluice.start(options);
    // Whoever is told to stop while starting stops what has been started by then.
    Thread stopper = new Thread(() -> stop(started), "sluice-shutdown");
    Runtime.getRuntime().addShutdownHook(stopper);
    try {
      Sluice sluice = started.await();
      out.println(json ? ServerHelp.readyJson(sluice) : ServerHelp.ready(sluice, options));
      out.flush();
      work.accept(sluice);
      stop(started);
      return ExitCode.OK;
    } catch (StartException e) {
      err.println("sluice: " + e.getMessage());
      return e.exitCode();
    }
  }

  /** The process ends by a signal: the shutdown hook does the rest. */
  private static void awaitEnd() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void stop(Future<Sluice> started) {
    try {
      started
          .compose(Sluice::close)
          .toCompletionStage()
          .toCompletableFuture()
          .get(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      err.println("sluice: not everything was closed after " + STOP_SECONDS + " s; ending anyway");
    } catch (ExecutionException e) {
      // The start had failed; it has said why and closed what was open.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private ExitCode usage(String mistakes) {
    mistakes.lines().forEach(line -> err.println("sluice: " + line));
    err.println("Try: sluice " + name + " --help");
    return ExitCode.USAGE;
  }
}
