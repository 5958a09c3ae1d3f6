package io.sluice.bus;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageView;
import java.nio.ByteBuffer;

/**
 * A consumer's reply on its way to whoever asked. It is not stored. Goes to {@link
 * Addresses#requester}; answered by {@link Done} once the requester has it, or by REQUESTER_GONE.
 *
 * @param to who asked
 * @param holder the connection of the RocketMQ client that asked, or null
 * @param batch the reply: one message
 */
public record ReplyMessage(ReplyTo to, String holder, MessageBatch batch) implements BusMessage {

  /** Points a view at the message. */
  public MessageView view(MessageView view) {
    return view.wrap(ByteBuffer.wrap(batch.bytes()), batch.position(0));
  }

  /** What a replier is told when nobody waits any more. */
  public static SluiceException gone(String why) {
    return new SluiceException(
        ErrorCode.REQUESTER_GONE, why + "; the reply was dropped, nothing is to be done");
  }
}
