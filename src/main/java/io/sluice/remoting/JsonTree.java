package io.sluice.remoting;

import java.util.List;
import java.util.Map;

/** Reads members of a body that {@link JsonReader} has read, whatever their types are. */
final class JsonTree {

  private JsonTree() {}

  static String text(Map<Object, Object> object, String name, String otherwise) {
    Object value = object.get(name);
    return value == null ? otherwise : value.toString();
  }

  /** A text that has to be there and not empty. */
  static String required(Map<Object, Object> object, String name) {
    String value = text(object, name, "");
    if (value.isEmpty()) {
      throw new MalformedFrameException("the body has no " + name);
    }
    return value;
  }

  static long number(Map<Object, Object> object, String name, long otherwise) {
    Object value = object.get(name);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Number number) {
      return number.longValue();
    }
    try {
      return Long.parseLong(value.toString());
    } catch (NumberFormatException e) {
      throw new MalformedFrameException("the body's " + name + " is no number");
    }
  }

  /** A member's objects; empty if it is missing or null. */
  @SuppressWarnings("unchecked") // JsonReader makes no other maps
  static List<Map<Object, Object>> objects(Map<Object, Object> object, String name) {
    Object value = object.get(name);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list) || !list.stream().allMatch(item -> item instanceof Map)) {
      throw new MalformedFrameException("the body's " + name + " is no list of objects");
    }
    return (List<Map<Object, Object>>) list;
  }

  /** A member that is an object; empty if it is missing or null. */
  @SuppressWarnings("unchecked") // JsonReader makes no other maps
  static Map<Object, Object> object(Map<Object, Object> object, String name) {
    Object value = object.get(name);
    if (value == null) {
      return Map.of();
    }
    if (!(value instanceof Map)) {
      throw new MalformedFrameException("the body's " + name + " is no object");
    }
    return (Map<Object, Object>) value;
  }
}
