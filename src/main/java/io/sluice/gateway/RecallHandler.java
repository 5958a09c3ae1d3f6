package io.sluice.gateway;

import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;

/** Recalls messages that wait. Static; each call is owned by its event loop. */
final class RecallHandler {

  private RecallHandler() {}

  /** DELETE /v1/topics/{topic}/messages/{messageId}. */
  static void recall(Call call) {
    call.checkPlain();
    String topic = call.topic();
    String id = call.pathParam("messageId");
    call.await(
        Masters.<Done>firstOfTopic(
            call.loop, topic, ErrorCode.MESSAGE_NOT_FOUND, new Recall(topic, id)),
        done -> Answers.empty(call.response));
  }
}
