package io.sluice.testkit;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import java.util.ArrayDeque;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between two parties and ends each connection after some number of bytes, in the middle of
 * whatever passes; or lets all pass, at once or later. What was read when it cuts is passed on up
 * to that very byte.
 */
public final class CuttingProxy implements AutoCloseable {

  /** Parts of a stream that are held up. */
  private static final int MOST_WAITING = 256;

  private final Vertx vertx = Vertx.vertx();
  private final NetServer server;
  private final String host;
  private final int port;
  private final Random random;
  private final AtomicInteger cuts = new AtomicInteger();
  private volatile int mostBytes;
  private volatile boolean silent;
  private volatile int delayMs;

  /** A proxy in front of this address, that lets all pass. */
  public CuttingProxy(String host, int port, long seed) {
    this(host, port, seed, "127.0.0.1");
  }

  /** As the other, on an address of this machine. */
  public CuttingProxy(String host, int port, long seed, String at) {
    this.host = host;
    this.port = port;
    random = new Random(seed);
    server = vertx.createNetServer().connectHandler(this::connected);
    Await.result("a port for the proxy", server.listen(0, at));
  }

  /** From now on what comes, from either side, goes on so much later. */
  public void delay(int ms) {
    delayMs = ms;
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
    ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    from.handler(bytes -> later(from, waiting, () -> pass(from, to, bytes, left)));
    from.exceptionHandler(failure -> to.close());
    from.closeHandler(nothing -> later(from, waiting, to::close));
  }

  /** In their order, however long each has to wait. */
  private void later(NetSocket from, ArrayDeque<Runnable> waiting, Runnable task) {
    int waitMs = delayMs;
    if (waitMs == 0 && waiting.isEmpty()) {
      task.run();
      return;
    }
    waiting.add(task);
    if (waiting.size() >= MOST_WAITING) {
      from.pause();
    }
    vertx.setTimer(
        Math.max(1, waitMs),
        id -> {
          waiting.poll().run();
          if (waiting.size() == MOST_WAITING / 2) {
            from.resume();
          }
        });
  }

  private void pass(NetSocket from, NetSocket to, Buffer bytes, int[] left) {
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
  }

  @Override
  public void close() {
    Await.result("the end of the proxy", vertx.close());
  }
}
