package io.sluice.app;

import io.sluice.app.load.BareServer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;

/** The endpoint that the benchmark compares with; runs until it is killed. */
@Command(name = "bare", hidden = true, description = "Starts a bare endpoint for the benchmark.")
final class BareCommand implements Callable<Integer> {

  private final CommandContext context;

  BareCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws InterruptedException {
    HttpServer server = BareServer.start().await();
    context.json(new JsonObject().put("ready", true).put("http", server.actualPort()));
    context.out().flush();
    new CountDownLatch(1).await();
    return ExitCode.OK.number();
  }
}
