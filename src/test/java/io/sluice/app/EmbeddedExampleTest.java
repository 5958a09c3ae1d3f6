package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.client.SluiceClient;
import io.sluice.testkit.Await;
import io.sluice.testkit.Snippets;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's example of a server embedded in a Vert.x application: compiled here, and run. */
class EmbeddedExampleTest {

  @TempDir Path directory;

  private final Promise<String> shipped = Promise.promise();

  @Test
  void shouldSendAndReceiveAsTheReadmeShows() {
    Sluice sluice = Await.result("the example", example(directory.resolve("data")));
    assertEquals("an order", Await.result("the message", shipped.future()));
    Await.result("the end", sluice.close());
  }

  // example
  private Future<Sluice> example(Path data) {
    SluiceOptions options = new SluiceOptions().setDataDirectory(data).setAnyPorts();
    return Sluice.start(options)
        .compose(
            sluice -> {
              SluiceClient client = SluiceClient.create(sluice.vertx());
              return client
                  .subscribe("orders", "shipping", message -> ship(message.body()))
                  .compose(subscription -> client.send("orders", Buffer.buffer("an order")))
                  .map(sluice);
            });
  }

  /** A handler's future acks the message, or, when it fails, lets it come again. */
  private Future<Void> ship(Buffer order) {
    shipped.complete(order.toString());
    return Future.succeededFuture();
  }

  // end of example

  @Test
  void shouldBeTheReadmesText() throws IOException {
    Snippets.assertIsIn(Path.of("README.md"), EmbeddedExampleTest.class);
  }
}
