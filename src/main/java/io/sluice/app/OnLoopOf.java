package io.sluice.app;

import io.vertx.core.Context;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.ThreadingModel;
import io.vertx.core.impl.ContextBuilderImpl;
import io.vertx.core.internal.CloseFuture;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;

/**
 * Deploys a verticle on the event loop of another one, in a context of its own: what passes between
 * the two over the event bus then wakes no thread. Vert.x itself gives each deployment the next
 * event loop. See docs/decisions/0040.
 */
final class OnLoopOf implements Deployable {

  private final Context other;
  private final Deployable verticle;
  private final CloseFuture opened = new CloseFuture();
  private ContextInternal context;

  /**
   * A deployment to come.
   *
   * @param other a context of the event loop to run on
   */
  OnLoopOf(Context other, Deployable verticle) {
    this.other = other;
    this.verticle = verticle;
  }

  @Override
  public Future<?> deploy(Context deployment) {
    ContextBuilderImpl builder =
        (ContextBuilderImpl) ((VertxInternal) other.owner()).contextBuilder();
    // Only in the context of a deployment are listeners at the event bus closed with it.
    context =
        builder
            .withDeploymentContext(((ContextInternal) deployment).deployment())
            .withThreadingModel(ThreadingModel.EVENT_LOOP)
            .withEventLoop(((ContextInternal) other).nettyEventLoop())
            .withCloseFuture(opened)
            .build();
    return onLoop(() -> verticle.deploy(context))
        .recover(failure -> opened.close().transform(closed -> Future.failedFuture(failure)));
  }

  /** Also closes what the verticle has left open, as Vert.x does. */
  @Override
  public Future<?> undeploy(Context deployment) {
    return onLoop(() -> verticle.undeploy(context)).eventually(opened::close);
  }

  private interface Step {
    Future<?> run() throws Exception;
  }

  private Future<?> onLoop(Step step) {
    Promise<Object> done = context.promise();
    context.runOnContext(
        nothing -> {
          try {
            step.run().<Object>mapEmpty().onComplete(done);
          } catch (Exception e) {
            done.fail(e);
          }
        });
    return done.future();
  }
}
