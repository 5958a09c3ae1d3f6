package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * The three jobs of a message queue, played against a server: prints what happened as numbers and a
 * chart, and says which promises were broken. {@link #run} blocks; the rest is owned by one event
 * loop.
 */
public final class Demo implements AutoCloseable {

  /** The jobs. */
  public enum Job {
    /** A consumer is down for a while and catches up. */
    DECOUPLE,
    /** A burst is stored and drained at the consumer's own pace. */
    PEAK,
    /** Everybody who is interested gets everything, also who comes later. */
    DISTRIBUTE
  }

  private static final long SAMPLE_MS = 50;
  private static final long DRAIN_MS = 120_000;

  private static final long WARM_UP_MS = 5_000;
  private static final double WARM_UP_RATE = 5_000;

  /** Enough that a pause of the machine is no broken promise, and a queue that blocks is one. */
  private static final double SLOW_SEND_MS = 500;

  /**
   * On a machine that is slow without a burst, sends in the burst may take so many times as long.
   */
  private static final double SLOWER_IN_BURST = 10;

  private final Vertx vertx =
      Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(1));
  private final Endpoint server;
  private final PrintStream out;
  private final double scale;
  private final double rates;
  private final String suffix = Long.toString(System.currentTimeMillis(), 36);
  private final List<String> broken = new ArrayList<>();
  private final List<Long> samples = new ArrayList<>();
  private long startNs;

  /**
   * @param scale 1 for the whole play; 0.1 takes a tenth of the time
   * @param rates 1 for the rates that are told of; 0.1 for a tenth of all of them
   */
  public Demo(Endpoint server, PrintStream out, double scale, double rates) {
    this.server = server;
    this.out = out;
    this.scale = scale;
    this.rates = rates;
  }

  /**
   * Plays one job to its end.
   *
   * @return the promises that were broken; empty if all were kept
   */
  public List<String> run(Job job) throws InterruptedException {
    Promise<Void> done = Promise.promise();
    vertx.runOnContext(
        start -> {
          startNs = System.nanoTime();
          warmUp()
              .compose(
                  warm ->
                      switch (job) {
                        case DECOUPLE -> decouple();
                        case PEAK -> peak();
                        case DISTRIBUTE -> distribute();
                      })
              .onComplete(done);
        });
    try {
      done.future().toCompletionStage().toCompletableFuture().get(10, TimeUnit.MINUTES);
    } catch (ExecutionException e) {
      broken.add(String.valueOf(e.getCause().getMessage()));
    } catch (TimeoutException e) {
      broken.add("the demo did not end within 10 minutes");
    }
    broken.forEach(promise -> out.println("BROKEN: " + promise));
    if (broken.isEmpty()) {
      out.println("All promises were kept.");
    }
    return broken;
  }

  /**
   * Two processes that have just been started compile what they use for the first time: what sends
   * take then says nothing of a server that has been up for a while.
   */
  private Future<Void> warmUp() {
    say("warming up for %.1f s ...", ms(WARM_UP_MS) / 1e3);
    return DemoProducer.connect(vertx, server, "demo-warm-up-" + suffix, "disk", false)
        .compose(
            producer ->
                producer
                    .run(WARM_UP_RATE * rates, ms(WARM_UP_MS))
                    .compose(
                        sent ->
                            until(producer::isAllAnswered, "the sends to warm up had no answer"))
                    .compose(answered -> producer.close()))
        .onSuccess(warm -> startNs = System.nanoTime());
  }

  private Future<Void> decouple() {
    String topic = "demo-decouple-" + suffix;
    double rate = 500 * rates;
    DemoConsumer logistics =
        new DemoConsumer(
            vertx,
            server,
            topic,
            "logistics-" + suffix,
            "ordered",
            DemoProducer.CONNECTIONS,
            5_000);
    say(
        "Decouple: the order system sends %,.0f/s; the logistics system goes down and comes back.",
        rate);
    return DemoProducer.connect(vertx, server, topic, "disk", true)
        .compose(
            orders -> {
              long sampler = sample(() -> backlog(orders, logistics));
              return logistics
                  .open()
                  .compose(up -> orders.run(rate, ms(3_000)))
                  .compose(sent -> logistics.goAway())
                  .onSuccess(down -> say("logistics is down after %,d orders", orders.sent()))
                  .compose(down -> orders.run(rate, ms(4_000)))
                  .onSuccess(
                      sent -> say("and comes back when %,d wait", backlog(orders, logistics)))
                  .compose(sent -> Future.join(logistics.open(), orders.run(rate, ms(3_000))))
                  .compose(sent -> drained(orders, logistics))
                  .onSuccess(
                      all -> {
                        vertx.cancelTimer(sampler);
                        report(orders);
                        check(orders, logistics);
                        chart("orders that wait");
                      })
                  .compose(all -> Future.join(logistics.goAway(), orders.close()).mapEmpty());
            });
  }

  private Future<Void> peak() {
    String topic = "demo-peak-" + suffix;
    double normal = 1_000 * rates;
    double burst = 10_000 * rates;
    double drain = 1_500 * rates;
    DemoConsumer database =
        new DemoConsumer(vertx, server, topic, "database-" + suffix, "shared", 0, drain);
    say(
        "Peak: %,.0f orders/s, a burst of %,.0f/s, and a database that takes %,.0f/s.",
        normal, burst, drain);
    double[] calmP99 = new double[1];
    return DemoProducer.connect(vertx, server, topic, "disk", false)
        .compose(
            shop -> {
              long sampler = sample(() -> backlog(shop, database));
              return database
                  .open()
                  .compose(up -> shop.run(normal, ms(3_000)))
                  .onSuccess(
                      sent -> {
                        calmP99[0] = shop.latencyMs(99);
                        shop.resetLatency();
                      })
                  .compose(sent -> shop.run(burst, ms(2_000)))
                  .onSuccess(
                      sent -> {
                        say(
                            "sends took %.1f ms before and %.1f ms in the burst (99 %%)",
                            calmP99[0], shop.latencyMs(99));
                        promise(
                            shop.latencyMs(99)
                                < Math.max(SLOW_SEND_MS, SLOWER_IN_BURST * calmP99[0]),
                            "the sends were slow in the burst");
                        say("%,d wait when the burst is over", backlog(shop, database));
                      })
                  .compose(sent -> shop.run(normal, ms(3_000)))
                  .compose(sent -> drained(shop, database))
                  .onSuccess(
                      all -> {
                        vertx.cancelTimer(sampler);
                        promise(
                            samples.stream().anyMatch(waiting -> waiting > burst * scale / 2),
                            "there was no backlog, so nothing was shown; a slow or busy machine needs lower"
                                + " --rates");
                        report(shop);
                        check(shop, database);
                        chart("orders that wait");
                      })
                  .compose(all -> Future.join(database.goAway(), shop.close()).mapEmpty());
            });
  }

  private Future<Void> distribute() {
    String topic = "demo-distribute-" + suffix;
    double rate = 2_000 * rates;
    List<DemoConsumer> groups = new ArrayList<>();
    for (String name : List.of("b", "c", "d", "e")) {
      groups.add(new DemoConsumer(vertx, server, topic, name + "-" + suffix, "shared", 0, 20_000));
    }
    DemoConsumer late = groups.get(3);
    say("Distribute: A sends %,.0f/s and does not know who listens: B, C, D, and later E.", rate);
    return DemoProducer.connect(vertx, server, topic, "disk", false)
        .compose(
            a -> {
              long sampler = sample(() -> backlog(a, late));
              return Future.join(groups.subList(0, 3).stream().map(DemoConsumer::open).toList())
                  .compose(up -> a.run(rate, ms(3_000)))
                  .compose(sent -> late.open())
                  .onSuccess(joined -> say("E joins after %,d messages", a.sent()))
                  .compose(joined -> a.run(rate, ms(3_000)))
                  .compose(
                      sent -> Future.join(groups.stream().map(group -> drained(a, group)).toList()))
                  .onSuccess(
                      all -> {
                        vertx.cancelTimer(sampler);
                        report(a);
                        groups.forEach(group -> check(a, group));
                        chart("messages that E has yet to get");
                      })
                  .compose(
                      all ->
                          Future.join(groups.stream().map(DemoConsumer::goAway).toList())
                              .compose(away -> a.close()));
            });
  }

  private long ms(long whole) {
    return Math.max(100, (long) (whole * scale));
  }

  private static long backlog(DemoProducer producer, DemoConsumer consumer) {
    return Math.max(0, producer.acked().cardinality() - consumer.done().cardinality());
  }

  private long sample(LongSupplier value) {
    return vertx.setPeriodic(SAMPLE_MS, tick -> samples.add(value.getAsLong()));
  }

  private Future<Void> drained(DemoProducer producer, DemoConsumer consumer) {
    return until(
        () ->
            producer.isAllAnswered()
                && (consumer.failure() != null
                    || consumer.done().cardinality() >= producer.acked().cardinality()),
        consumer.group() + " did not get everything");
  }

  private Future<Void> until(BooleanSupplier condition, String otherwise) {
    Promise<Void> met = Promise.promise();
    long deadlineNs = System.nanoTime() + DRAIN_MS * 1_000_000L;
    vertx.setPeriodic(
        10,
        timer -> {
          if (condition.getAsBoolean() || System.nanoTime() > deadlineNs) {
            vertx.cancelTimer(timer);
            promise(condition.getAsBoolean(), otherwise + " within " + DRAIN_MS / 1000 + " s");
            met.complete();
          }
        });
    return met.future();
  }

  private void report(DemoProducer producer) {
    say(
        "sent %,d, refused %,d; answered after %.1f ms (50 %%), %.1f ms (99 %%)",
        producer.sent(), producer.refused(), producer.latencyMs(50), producer.latencyMs(99));
    promise(producer.refused() == 0, producer.refused() + " sends were refused");
  }

  private void check(DemoProducer producer, DemoConsumer consumer) {
    java.util.BitSet lost = (java.util.BitSet) producer.acked().clone();
    lost.andNot(consumer.done());
    say(
        "%s got %,d of %,d, %,d of them again",
        consumer.group(),
        consumer.seen().cardinality(),
        producer.acked().cardinality(),
        consumer.repeats());
    promise(consumer.failure() == null, consumer.group() + ": " + consumer.failure());
    promise(lost.isEmpty(), consumer.group() + " lost " + lost.cardinality() + " messages");
    promise(
        consumer.repeatsOfSettled() == 0,
        consumer.group() + " got " + consumer.repeatsOfSettled() + " again after the ack");
    promise(
        consumer.outOfOrder() == 0,
        consumer.group() + " got " + consumer.outOfOrder() + " out of order");
  }

  private void promise(boolean kept, String otherwise) {
    if (!kept) {
      broken.add(otherwise);
    }
  }

  private void chart(String title) {
    out.println(Chart.of(title, samples, (System.nanoTime() - startNs) / 1e9));
  }

  private void say(String format, Object... values) {
    out.printf(Locale.ROOT, "%6.1f s  ", (System.nanoTime() - startNs) / 1e9);
    out.printf(Locale.ROOT, format + "%n", values);
  }

  @Override
  public void close() {
    vertx.close().await();
  }
}
