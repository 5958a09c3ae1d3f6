package io.sluice.testkit;

import io.sluice.app.Sluice;
import io.sluice.app.SluiceOptions;
import io.vertx.core.Vertx;
import java.net.URI;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

/**
 * A whole server in this JVM on free ports, with a look at its event loops while it runs and at
 * what it leaves when it is closed. Small segments, so that a test crosses from one to the next.
 */
public final class TestServer implements AutoCloseable {

  private static final long SEGMENT_BYTES = 1 << 20;

  private final BlockedLoops loops = new BlockedLoops();
  private final Vertx vertx = BlockedLoops.vertx();
  private final Path data;
  private final Sluice sluice;

  private TestServer(Path data, UnaryOperator<SluiceOptions> change) {
    this.data = data;
    SluiceOptions options =
        new SluiceOptions().setHost("127.0.0.1").setAnyPorts().setDataDirectory(data);
    options.store().segmentBytes(SEGMENT_BYTES);
    try {
      sluice = Await.result("the start of a server", Sluice.start(vertx, change.apply(options)));
    } catch (RuntimeException | Error e) {
      vertx.close().await();
      throw e;
    }
  }

  /** Starts a server with the defaults. */
  public static TestServer start(Path data) {
    return start(data, options -> options);
  }

  /**
   * Starts a server.
   *
   * @param change of the options
   */
  public static TestServer start(Path data, UnaryOperator<SluiceOptions> change) {
    return new TestServer(data, change);
  }

  /** The server itself. */
  public Sluice sluice() {
    return sluice;
  }

  /** The server's Vert.x; closed with it. */
  public Vertx vertx() {
    return vertx;
  }

  /** Its HTTP address. */
  public URI uri() {
    return URI.create("http://127.0.0.1:" + sluice.httpPort());
  }

  /** Stops it and fails if an event loop was held up or a file is still held. */
  @Override
  public void close() {
    Await.result("the stop of the server", sluice.close());
    Await.result("the end of Vert.x", vertx.close());
    loops.close();
    Leaks.awaitNone(data);
  }
}
