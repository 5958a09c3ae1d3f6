package io.sluice.bus;

import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** How the messages are written that are no records. */
final class WireSpecial {

  private static final Map<Class<?>, WireValue<?>> ALL =
      Map.of(
          AppendReply.class, new Special<>(AppendReply::writeTo, AppendReply::readFrom),
          SettleRequest.class, new Special<>(SettleRequest::writeTo, SettleRequest::readFrom),
          Done.class, new Special<Done>((done, out) -> {}, in -> Done.DONE));

  private WireSpecial() {}

  /** The way of a class, or null. */
  @SuppressWarnings("unchecked") // the way of a class takes its objects
  static WireValue<Object> find(Class<?> type) {
    return (WireValue<Object>) ALL.get(type);
  }

  /** Reads a constant that was written as its place. */
  static <E extends Enum<E>> E constant(E[] all, int place) {
    if (place >= all.length) {
      throw new WireException(
          "a " + all[0].getDeclaringClass().getSimpleName() + " that is not known here: " + place);
    }
    return all[place];
  }

  private record Special<T>(BiConsumer<T, WireWriter> out, Function<WireReader, T> in)
      implements WireValue<T> {

    @Override
    public void write(WireWriter writer, T value) {
      out.accept(value, writer);
    }

    @Override
    public T read(WireReader reader) {
      return in.apply(reader);
    }
  }
}
