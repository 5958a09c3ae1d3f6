package io.sluice.app;

import io.sluice.cluster.ClusterTls;
import io.sluice.controller.ControllerLink;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What is asked of the controllers. They speak no HTTP: the commands talk to their own port. */
final class ControllerCommand {

  private static final long ANSWER_SECONDS = 10;
  private static final long RETRY_MS = 200;

  private ControllerCommand() {}

  /** Where they are, and what they are protected by. */
  static final class Where {
    @Option(
        names = "--controller-members",
        paramLabel = "TEXT",
        description =
            "host:port of the controllers, parted by commas. Default: $SLUICE_CONTROLLER_MEMBERS,"
                + " else 127.0.0.1:9878.")
    private String members;

    @Option(
        names = "--cluster-name",
        paramLabel = "TEXT",
        description = "Default: $SLUICE_CLUSTER_NAME, else DefaultCluster.")
    private String cluster;

    @Option(
        names = "--cluster-secret",
        paramLabel = "TEXT",
        description = "Default: $SLUICE_CLUSTER_SECRET, else none.")
    private String secret;

    @Option(names = "--json", description = "Answer as JSON.")
    private boolean json;

    private static String or(CommandContext context, String flag, String name, String other) {
      return flag != null ? flag : context.environment().getOrDefault(name, other);
    }

    /** Asks until one that may answer does, or the time is over. */
    private JsonObject ask(CommandContext context, JsonObject request) {
      List<String> addresses =
          ControllerConfig.members(
              or(context, members, "SLUICE_CONTROLLER_MEMBERS", "127.0.0.1:9878"));
      Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1).setWorkerPoolSize(1));
      try {
        ClusterTls tls =
            ControllerSetup.tls(
                or(context, cluster, "SLUICE_CLUSTER_NAME", "DefaultCluster"),
                or(context, secret, "SLUICE_CLUSTER_SECRET", ""));
        ControllerLink link =
            new ControllerLink(
                vertx, addresses, tls == null ? null : tls.pfx(), ANSWER_SECONDS * 1_000);
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(ANSWER_SECONDS);
        Future<JsonObject> asked = Future.succeededFuture();
        JsonObject answer =
            asked
                .compose(nothing -> again(vertx, link, request, deadlineNs))
                .toCompletionStage()
                .toCompletableFuture()
                .get(ANSWER_SECONDS * 2, TimeUnit.SECONDS);
        String error = answer.getString("error", "");
        if (!error.isEmpty()) {
          throw new CommandFailure(ExitCode.REFUSED, error);
        }
        return answer;
      } catch (ExecutionException | TimeoutException e) {
        throw new CommandFailure(
            ExitCode.UNREACHABLE,
            "no controller that leads answers at "
                + String.join(",", addresses)
                + " ("
                + e.getMessage()
                + "); look at --controller-members and --cluster-secret");
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommandFailure(ExitCode.FAILED, "interrupted");
      } catch (java.security.GeneralSecurityException | java.io.IOException e) {
        throw new CommandFailure(ExitCode.FAILED, e.toString());
      } finally {
        vertx.close().toCompletionStage().toCompletableFuture().join();
      }
    }

    private static Future<JsonObject> again(
        Vertx vertx, ControllerLink link, JsonObject request, long deadlineNs) {
      return link.request(request.copy())
          .recover(
              failure ->
                  System.nanoTime() - deadlineNs > 0
                      ? Future.failedFuture(failure)
                      : vertx
                          .timer(RETRY_MS, TimeUnit.MILLISECONDS)
                          .compose(waited -> again(vertx, link, request, deadlineNs)));
    }
  }

  /** Shows who leads, and each group. */
  @Command(
      name = "status",
      mixinStandardHelpOptions = true,
      description =
          "Shows the controllers, and of each group of Brokers epoch, master and in-sync set.",
      footer = {
        "",
        "Examples:",
        "  sluice controller status --controller-members node1:9878,node2:9878,node3:9878",
        "",
        "Exit codes: 0 done; 2 wrong usage; 3 no controller answers."
      })
  static final class Status implements Callable<Integer> {
    private final CommandContext context;
    @Mixin private Where where;

    Status(CommandContext context) {
      this.context = context;
    }

    @Override
    public Integer call() {
      JsonObject status = where.ask(context, new JsonObject().put("op", "status"));
      if (where.json) {
        context.json(status);
        return ExitCode.OK.number();
      }
      context
          .out()
          .println(
              "controllers "
                  + join(status.getJsonArray("members"))
                  + "; leader "
                  + status.getString("leaderAt"));
      Table table = new Table("BROKER", "EPOCH", "NODE", "ROLE", "IN SYNC", "ADDRESS", "SLAVES AT");
      JsonArray groups = status.getJsonArray("groups");
      for (int i = 0; i < groups.size(); i++) {
        JsonObject group = groups.getJsonObject(i);
        JsonArray nodes = group.getJsonArray("nodes");
        for (int j = 0; j < nodes.size(); j++) {
          JsonObject node = nodes.getJsonObject(j);
          long number = node.getLong("node");
          boolean alive = node.getBoolean("alive", true);
          String role = group.getLong("master") == number ? "master" : "slave";
          table.row(
              group.getString("name"),
              group.getLong("epoch"),
              number,
              alive ? role : role + " (silent)",
              contains(group.getJsonArray("inSync"), number) ? "yes" : "no",
              node.getString("address"),
              node.getString("replicationAt"));
        }
      }
      table.print(context.out());
      return ExitCode.OK.number();
    }

    private static boolean contains(JsonArray array, long number) {
      for (int i = 0; i < array.size(); i++) {
        if (array.getLong(i) == number) {
          return true;
        }
      }
      return false;
    }

    private static String join(JsonArray array) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < array.size(); i++) {
        text.append(i == 0 ? "" : ",").append(array.getString(i));
      }
      return text.toString();
    }
  }

  /** Elects by hand. */
  @Command(
      name = "elect",
      mixinStandardHelpOptions = true,
      description = "Makes a node the master of its group, where the old one does not live.",
      footer = {
        "",
        "Needed only where no node of the in-sync set is left: --unclean takes another one, and"
            + " what",
        "was acked may be lost with it.",
        "",
        "Examples:",
        "  sluice controller elect broker-a 2 --unclean",
        "",
        "Exit codes: 0 done; 2 wrong usage; 3 no controller answers; 4 the controllers refused."
      })
  static final class Elect implements Callable<Integer> {
    private final CommandContext context;

    @Parameters(index = "0", paramLabel = "BROKER", description = "Its name, such as broker-a.")
    private String broker;

    @Parameters(index = "1", paramLabel = "NODE", description = "Its number, see status.")
    private long node;

    @Option(names = "--unclean", description = "Also a node that is not in sync.")
    private boolean unclean;

    @Mixin private Where where;

    Elect(CommandContext context) {
      this.context = context;
    }

    @Override
    public Integer call() {
      JsonObject answer =
          where.ask(
              context,
              new JsonObject()
                  .put("op", "elect")
                  .put("name", broker)
                  .put("node", node)
                  .put("unclean", unclean));
      if (!answer.getBoolean("ok", false)) {
        throw new CommandFailure(
            ExitCode.REFUSED, "another election came first; look at sluice controller status");
      }
      JsonObject group = answer.getJsonObject("group");
      if (where.json) {
        context.json(group);
      } else {
        context
            .out()
            .println(
                broker + ": node " + node + " is the master in epoch " + group.getLong("epoch"));
      }
      return ExitCode.OK.number();
    }
  }
}
