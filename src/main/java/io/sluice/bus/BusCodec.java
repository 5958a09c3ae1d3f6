package io.sluice.bus;

import io.sluice.util.Clock;
import io.sluice.util.WireWriter;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageCodec;
import io.vertx.core.eventbus.impl.clustered.ClusteredMessage;

/**
 * Carries {@link BusMessage}s over the event bus: by reference within the process, as bytes ({@link
 * Wire}) to another process of the cluster.
 */
public final class BusCodec implements MessageCodec<BusMessage, BusMessage> {

  /** The name under which the codec is registered. */
  public static final String NAME = "sluice";

  /** A typical request or answer without message bodies. */
  private static final int TYPICAL_BYTES = 512;

  private static final Wire WIRE = new Wire(Clock.system());

  private BusCodec() {}

  /** Registers the codec; once per Vert.x instance, before anything is sent. */
  public static void register(Vertx vertx) {
    vertx
        .eventBus()
        .registerCodec(new BusCodec())
        .codecSelector(body -> body instanceof BusMessage ? NAME : null);
  }

  /** Delivery options for the contract: this codec, answer within the timeout. */
  public static DeliveryOptions options(long timeoutMs) {
    return new DeliveryOptions().setCodecName(NAME).setSendTimeout(timeoutMs);
  }

  /**
   * Answers a request; a {@code MessageBlock} in the answer goes over to the receiver. If that is
   * in another process, the answer is encoded now and the block closed: an answer that waits for a
   * connection, or never gets one, must not hold segments of the log.
   */
  public static void reply(Message<?> request, BusMessage answer) {
    request.reply(isFromAnotherProcess(request) ? new Encoded(encode(answer)) : answer);
  }

  private static boolean isFromAnotherProcess(Message<?> request) {
    return request instanceof ClusteredMessage<?, ?> clustered && clustered.isFromWire();
  }

  private static WireWriter encode(BusMessage message) {
    WireWriter out = new WireWriter(TYPICAL_BYTES);
    WIRE.write(out, message);
    return out;
  }

  @Override
  public void encodeToWire(Buffer buffer, BusMessage message) {
    WireWriter out = message instanceof Encoded encoded ? encoded.bytes : encode(message);
    buffer.appendInt(out.size()).appendBytes(out.bytes(), 0, out.size());
  }

  @Override
  public BusMessage decodeFromWire(int position, Buffer buffer) {
    int start = position + Integer.BYTES;
    return WIRE.read(buffer.getBytes(start, start + buffer.getInt(position)));
  }

  @Override
  public BusMessage transform(BusMessage message) {
    return message;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public byte systemCodecID() {
    return -1;
  }

  /** A message on its way to another process. */
  private record Encoded(WireWriter bytes) implements BusMessage {}
}
