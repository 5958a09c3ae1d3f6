package io.sluice.gateway;

import io.sluice.app.Sluice;
import io.sluice.app.SluiceOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** As its base, before the real Broker and NameServer, as they run in one process. */
abstract class WholeServerTestBase extends GatewayTestBase {

  @TempDir Path data;

  Sluice sluice;

  @Override
  void openServer() throws Exception {
    SluiceOptions options =
        new SluiceOptions().setHost("127.0.0.1").setAnyPorts().setDataDirectory(data);
    options.store().segmentBytes(4 << 20);
    sluice = await(Sluice.start(vertx, options));
    port = sluice.httpPort();
  }

  @Override
  void closeServer() throws Exception {
    await(sluice.close());
  }
}
