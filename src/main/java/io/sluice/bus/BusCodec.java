package io.sluice.bus;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.MessageCodec;

/** Carries {@link BusMessage}s over the event bus: by reference within the process. */
public final class BusCodec implements MessageCodec<BusMessage, BusMessage> {

  /** The name under which the codec is registered. */
  public static final String NAME = "sluice";

  private BusCodec() {}

  /** Registers the codec; once per Vert.x instance, before anything is sent. */
  public static void register(Vertx vertx) {
    vertx
        .eventBus()
        .registerCodec(new BusCodec())
        .codecSelector(body -> body instanceof BusMessage ? NAME : null);
  }

  /**
   * Delivery options for the contract: this codec, within the process, answer within the timeout.
   */
  public static DeliveryOptions options(long timeoutMs) {
    return new DeliveryOptions().setCodecName(NAME).setLocalOnly(true).setSendTimeout(timeoutMs);
  }

  @Override
  public void encodeToWire(Buffer buffer, BusMessage message) {
    throw noWire();
  }

  @Override
  public BusMessage decodeFromWire(int position, Buffer buffer) {
    throw noWire();
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

  private static IllegalStateException noWire() {
    return new IllegalStateException(
        "the contract crosses the event bus within one process only; send it with"
            + " BusCodec.options");
  }
}
