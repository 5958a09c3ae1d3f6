package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import java.nio.ByteBuffer;

/**
 * The marker record before records that belong together: all of them are in the log after a crash,
 * or none. It stands in {@link Names#ATOMIC_TOPIC}, queue 0, directly before the first of them; all
 * lie in one segment.
 *
 * <pre>
 *   0 version  4   1
 *   4 count    4   records behind the marker that belong to it
 *   8 bytes    4   their bytes together
 * </pre>
 *
 * <p>Static.
 */
final class AtomicGroups {

  private static final int VERSION = 1;
  private static final int BODY_BYTES = 12;
  private static final byte[] NO_HOST = new byte[8];

  private AtomicGroups() {}

  /** A batch with one record: the marker before so many records of so many bytes. */
  static MessageBatch marker(int count, int bytes, long nowMs) {
    ByteBuffer body = ByteBuffer.allocate(BODY_BYTES);
    body.putInt(VERSION).putInt(count).putInt(bytes).flip();
    MessageBatch batch = new MessageBatch(256);
    batch.add(Names.ATOMIC_TOPIC, 0, 0, 0, nowMs, NO_HOST, 0, 0, body, new PropertiesWriter());
    return batch;
  }

  /** Bytes of a marker. */
  static int markerBytes() {
    return MARKER_BYTES;
  }

  private static final int MARKER_BYTES = marker(2, 0, 0).size();

  /** Whether a whole record is a marker. */
  static boolean isMarker(MessageView record) {
    return record.bodyBytes() == BODY_BYTES && record.topic().equals(Names.ATOMIC_TOPIC);
  }

  /**
   * How many records belong to a marker.
   *
   * @throws StoreException NEWER_VERSION if this program can not know
   */
  static int count(MessageView marker) {
    int version = marker.buffer().getInt(marker.bodyPosition());
    if (version != VERSION) {
      throw new StoreException(
          StoreException.Kind.NEWER_VERSION,
          "the marker of an atomic group at physical offset "
              + marker.physicalOffset()
              + " has version "
              + version
              + ", this program reads version "
              + VERSION
              + "; start it with the newer program");
    }
    return marker.buffer().getInt(marker.bodyPosition() + 4);
  }

  /**
   * Whether the Broker itself put these records together with a change of its state: what is in
   * them are copies, of delayed messages or of dead letters, and no sends that might be repeated.
   *
   * @param marker where the marker stands in the buffer
   * @param end where its last record ends
   */
  static boolean isOfBroker(ByteBuffer buffer, int marker, int end) {
    int last = marker;
    int at = marker;
    while (at < end && buffer.getInt(at) >= MessageLayout.MIN_RECORD_BYTES) {
      last = at;
      at += buffer.getInt(at);
    }
    return at == end && new MessageView().wrap(buffer, last).topic().equals(Names.STATE_TOPIC);
  }

  /** Bytes of the records that belong to a marker. */
  static int bytes(MessageView marker) {
    return marker.buffer().getInt(marker.bodyPosition() + 8);
  }
}
