package io.sluice.broker;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Makes of a record of the half topic what a producer is to see of it. Static. */
final class HalfRecords {

  private HalfRecords() {}

  /** A half message as it was sent: with its own topic and queue, in the stored layout. */
  static byte[] asSent(MessageView half) {
    PropertiesWriter properties = new PropertiesWriter();
    half.forEachProperty(
        (name, value) -> {
          if (!name.equals(PropertyNames.REAL_TOPIC) && !name.equals(PropertyNames.REAL_QUEUE_ID)) {
            properties.put(name, value);
          }
        });
    ByteBuffer buffer = half.buffer();
    MessageBatch batch = new MessageBatch(half.size() + MessageBatch.CRC_PROPERTY_BYTES);
    batch.add(
        half.property(PropertyNames.REAL_TOPIC),
        QueueSelector.ANY,
        half.flag(),
        half.sysFlag(),
        half.bornAtMs(),
        half.bornHost(),
        half.reconsumeTimes(),
        0,
        half.bodySlice(),
        properties);
    byte[] storeHost = new byte[MessageLayout.storeHostBytes(half.sysFlag())];
    buffer.get(half.position() + MessageLayout.storeHost(half.sysFlag()), storeHost);
    int queueId = Math.max(0, Integer.parseInt(half.property(PropertyNames.REAL_QUEUE_ID)));
    batch.seal(0, queueId, half.queueOffset(), half.physicalOffset(), half.storedAtMs(), storeHost);
    return Arrays.copyOf(batch.bytes(), batch.size());
  }
}
