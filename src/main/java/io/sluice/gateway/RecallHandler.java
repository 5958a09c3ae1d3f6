package io.sluice.gateway;

import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.Done;
import io.vertx.core.Future;

/** Recalls messages that wait. Static; each call is owned by its event loop. */
final class RecallHandler {

  private RecallHandler() {}

  /** DELETE /v1/topics/{topic}/messages/{messageId}. */
  static void recall(Call call) {
    SluiceHeaders.readPlain(call.request.headers(), false);
    call.query();
    String topic = call.topic();
    String id = call.pathParam("messageId");
    Future<Done> recalled =
        call.loop
            .routes
            .brokerFor(topic)
            .compose(broker -> call.loop.brokers.admin(broker, new Recall(topic, id)));
    call.await(recalled, done -> Answers.empty(call.response));
  }
}
