package io.sluice.testkit;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between two parties and ends each connection after some number of bytes, in the middle of
 * whatever passes; or lets all pass. What was read when it cuts is passed on up to that very byte.
 */
public final class CuttingProxy implements AutoCloseable {

  private final Vertx vertx = Vertx.vertx();
  private final NetServer server;
  private final String host;
  private final int port;
  private final Random random;
  private final AtomicInteger cuts = new AtomicInteger();
  private volatile int mostBytes;
  private volatile boolean silent;

  /** A proxy in front of this address, that lets all pass. */
  public CuttingProxy(String host, int port, long seed) {
    this.host = host;
    this.port = port;
    random = new Random(seed);
    server = vertx.createNetServer().connectHandler(this::connected);
    Await.result("a port for the proxy", server.listen(0, "127.0.0.1"));
  }

  /** Where it listens. */
  public int port() {
    return server.actualPort();
  }

  /** From now on each connection ends after so many bytes at most; 0 to let all pass. */
  public void cutWithin(int bytes) {
    mostBytes = bytes;
  }

  /** From now on nothing passes and no connection ends, as where the other end's machine died. */
  public void fallSilent() {
    silent = true;
  }

  /** How many connections were cut. */
  public int cuts() {
    return cuts.get();
  }

  private void connected(NetSocket one) {
    one.pause();
    vertx
        .createNetClient()
        .connect(port, host)
        .onSuccess(
            other -> {
              int most = mostBytes;
              int[] left = {most == 0 ? -1 : 1 + random.nextInt(most)};
              pipe(one, other, left);
              pipe(other, one, left);
              one.resume();
            })
        .onFailure(failure -> one.close());
  }

  private void pipe(NetSocket from, NetSocket to, int[] left) {
    from.handler(
        bytes -> {
          if (silent) {
            return;
          }
          Buffer passed = bytes;
          if (left[0] >= 0) {
            passed = bytes.slice(0, Math.min(bytes.length(), left[0]));
            left[0] -= passed.length();
          }
          to.write(passed);
          if (left[0] == 0) {
            left[0] = Integer.MAX_VALUE;
            cuts.incrementAndGet();
            to.end().onComplete(done -> from.close());
          } else if (to.writeQueueFull()) {
            from.pause();
            to.drainHandler(nothing -> from.resume());
          }
        });
    from.exceptionHandler(failure -> to.close());
    from.closeHandler(nothing -> to.close());
  }

  @Override
  public void close() {
    Await.result("the end of the proxy", vertx.close());
  }
}
