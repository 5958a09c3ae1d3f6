package io.sluice.bus;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Asks a Broker for what only reads, and where its master does not answer the slaves that the
 * NameServers know, one after another: that of this process first, which is the nearest. Outside of
 * a cluster no other than the Broker itself can be reached.
 *
 * <p>Owned by its context, where the futures complete.
 */
public final class Reads {

  private final Vertx vertx;
  private final Context context;
  private final BrokerDirectory directory;

  /** The reads of a context. */
  public Reads(Vertx vertx, Context context, BrokerDirectory directory) {
    this.vertx = vertx;
    this.context = context;
    this.directory = directory;
  }

  /**
   * Reads.
   *
   * @param broker the Broker whose messages they are
   * @param topic one that it has
   * @param ask asks for it by this name of a Broker on the event bus; may be called several times
   * @return fails as the master did if no slave answers
   */
  public <T> Future<T> read(String broker, String topic, Function<String, Future<T>> ask) {
    return ask.apply(broker)
        .recover(
            failure ->
                vertx.isClustered() && isGone(failure)
                    ? slavesOf(broker, topic)
                        .transform(
                            found ->
                                found.succeeded()
                                    ? bySlave(found.result(), 0, failure, ask)
                                    : Future.failedFuture(failure))
                    : Future.failedFuture(failure));
  }

  private <T> Future<T> bySlave(
      List<String> names, int index, Throwable ofMaster, Function<String, Future<T>> ask) {
    if (index == names.size()) {
      return Future.failedFuture(ofMaster);
    }
    return ask.apply(names.get(index))
        .recover(
            failure ->
                isGone(failure)
                    ? bySlave(names, index + 1, ofMaster, ask)
                    : Future.failedFuture(failure));
  }

  private Future<List<String>> slavesOf(String broker, String topic) {
    Promise<List<String>> promise = Promise.promise();
    directory
        .slavesOf(broker, topic)
        .onComplete(found -> context.runOnContext(ignored -> promise.handle(found)));
    return promise
        .future()
        .map(
            found -> {
              List<String> names = new ArrayList<>(found);
              String own = ClusterNode.ownName(vertx, broker);
              if (!own.equals(broker)) {
                names.remove(own);
                names.add(0, own);
              }
              return names;
            });
  }

  /** Reading twice does no harm, so one that may still answer counts as gone too. */
  private static boolean isGone(Throwable failure) {
    ErrorCode code = SluiceException.of(failure).code();
    return code == ErrorCode.BROKER_UNAVAILABLE
        || code == ErrorCode.SHUTTING_DOWN
        || code == ErrorCode.TIMEOUT;
  }
}
