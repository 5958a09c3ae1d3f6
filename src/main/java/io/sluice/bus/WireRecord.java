package io.sluice.bus;

import io.sluice.util.Clock;
import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;

/**
 * The fields of a record, one after the other as they are declared. What an older sender did not
 * write yet is null, 0 or false here; what a newer one wrote beyond is passed over: so a new
 * component belongs at the end, and none is ever taken out of the middle.
 *
 * <p>A {@code long} whose name ends in {@code Ns} is a steady time ({@code Clock.nowNs}): it
 * travels as an age.
 */
final class WireRecord implements WireValue<Object> {

  private final String name;
  private final String[] names;
  private final WireValue<Object>[] values;
  private final MethodHandle[] accessors;
  private final MethodHandle constructor;

  @SuppressWarnings({
    "unchecked",
    "rawtypes"
  }) // arrays of generic types, and a steady time is a long
  WireRecord(Class<?> type, WireValues ways, Clock clock) {
    RecordComponent[] components = type.getRecordComponents();
    name = Wire.nameOf(type);
    names = Arrays.stream(components).map(RecordComponent::getName).toArray(String[]::new);
    values = new WireValue[components.length];
    accessors = new MethodHandle[components.length];
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      Class<?>[] types = new Class<?>[components.length];
      for (int i = 0; i < components.length; i++) {
        RecordComponent component = components[i];
        types[i] = component.getType();
        values[i] =
            isSteadyTime(component)
                ? (WireValue<Object>) (WireValue<?>) WireValues.steadyTime(clock)
                : ways.of(component.getGenericType(), name + '.' + component.getName());
        accessors[i] =
            lookup
                .unreflect(component.getAccessor())
                .asType(MethodType.methodType(Object.class, Object.class));
      }
      constructor =
          lookup
              .findConstructor(type, MethodType.methodType(void.class, types))
              .asSpreader(Object[].class, types.length)
              .asType(MethodType.methodType(Object.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          name + " must be a record that package bus can see and make", e);
    }
  }

  private static boolean isSteadyTime(RecordComponent component) {
    return component.getType() == long.class && component.getName().endsWith("Ns");
  }

  @Override
  public void write(WireWriter out, Object value) {
    try {
      for (int i = 0; i < values.length; i++) {
        values[i].write(out, (Object) accessors[i].invokeExact(value));
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("could not read the fields of " + name, e);
    }
  }

  @Override
  public Object read(WireReader in) {
    Object[] fields = new Object[values.length];
    for (int i = 0; i < values.length; i++) {
      try {
        fields[i] = in.atEnd() ? values[i].missing() : values[i].read(in);
      } catch (WireException e) {
        throw e.inPart(names[i]);
      }
    }
    try {
      return (Object) constructor.invokeExact(fields);
    } catch (Error e) {
      throw e;
    } catch (Throwable e) {
      throw new WireException("these values are not allowed: " + e.getMessage());
    }
  }
}
