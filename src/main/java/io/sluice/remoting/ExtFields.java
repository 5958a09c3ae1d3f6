package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.Arrays;

/**
 * The header fields of one command: a few names and values in order. Values cross the wire as text.
 * Most commands have 4 to 15 fields, so a search through the array beats a map. For one thread.
 */
final class ExtFields {

  private String[] names;
  private String[] values;
  private int count;

  ExtFields() {
    this(8);
  }

  ExtFields(int expected) {
    names = new String[expected];
    values = new String[expected];
  }

  int count() {
    return count;
  }

  String name(int index) {
    return names[index];
  }

  String value(int index) {
    return values[index];
  }

  /**
   * Adds a field; a null value adds nothing. A repeated name is kept twice, the first one is read.
   */
  ExtFields put(String name, String value) {
    if (value == null) {
      return this;
    }
    if (count == names.length) {
      names = Arrays.copyOf(names, count * 2);
      values = Arrays.copyOf(values, count * 2);
    }
    names[count] = name;
    values[count++] = value;
    return this;
  }

  ExtFields put(String name, long value) {
    return put(name, Long.toString(value));
  }

  ExtFields put(String name, boolean value) {
    return put(name, value ? "true" : "false");
  }

  /** The value of a field, or null. */
  String get(String name) {
    for (int i = 0; i < count; i++) {
      if (names[i].equals(name)) {
        return values[i];
      }
    }
    return null;
  }

  String text(String name, String otherwise) {
    String value = get(name);
    return value == null ? otherwise : value;
  }

  /** The value of a field that has to be there and not empty. */
  String required(String name) {
    String value = get(name);
    if (value == null || value.isEmpty()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "the header field " + name + " is missing");
    }
    return value;
  }

  int requiredInt(String name) {
    return parseInt(name, required(name));
  }

  long requiredLong(String name) {
    return parseLong(name, required(name));
  }

  int integer(String name, int otherwise) {
    String value = get(name);
    return value == null || value.isEmpty() ? otherwise : parseInt(name, value);
  }

  long number(String name, long otherwise) {
    String value = get(name);
    return value == null || value.isEmpty() ? otherwise : parseLong(name, value);
  }

  boolean flag(String name) {
    return "true".equalsIgnoreCase(get(name));
  }

  private static int parseInt(String name, String value) {
    try {
      return Integer.parseInt(value.trim());
    } catch (NumberFormatException e) {
      throw notANumber(name, value);
    }
  }

  private static long parseLong(String name, String value) {
    try {
      return Long.parseLong(value.trim());
    } catch (NumberFormatException e) {
      throw notANumber(name, value);
    }
  }

  private static SluiceException notANumber(String name, String value) {
    return new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "the header field " + name + " is '" + value + "', which is not a whole number in range");
  }
}
