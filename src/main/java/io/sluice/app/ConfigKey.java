package io.sluice.app;

import java.util.List;
import java.util.Locale;

/**
 * One line of the table of configuration: everything that is known about a key. The help of the
 * command line, docs/configuration.md and the checks are all made from it.
 *
 * @param name dotted path in the YAML file, such as {@code http.port}
 * @param type how its text is read
 * @param defaultText the default as text; reads like any other value
 * @param min lowest value, inclusive, in the type's unit
 * @param max highest value, inclusive, in the type's unit
 * @param choices the words allowed, for {@link Type#CHOICE}; else empty
 * @param sentence what it does
 */
record ConfigKey(
    String name,
    Type type,
    String defaultText,
    long min,
    long max,
    List<String> choices,
    String sentence) {

  /** How the text of a value is read, and into what. */
  enum Type {
    /** A whole number, as {@code Long}. */
    NUMBER("number"),
    /** Bytes, as {@code Long}; see {@link io.sluice.util.ByteSizes}. */
    SIZE("size"),
    /** Milliseconds, as {@code Long}; see {@link io.sluice.util.Durations}. */
    DURATION("duration"),
    /** Durations with blanks between them, as {@code List<Long>} in ms. */
    DURATIONS("durations"),
    /** {@code true} or {@code false}, as {@code Boolean}. */
    SWITCH("switch"),
    /** One of some words, as {@code String}. */
    CHOICE("choice"),
    /** Any text, as {@code String}; may be empty. */
    TEXT("text");

    private final String word;

    Type(String word) {
      this.word = word;
    }

    /** The type's name in documents. */
    String word() {
      return word;
    }
  }

  static ConfigKey number(String name, long defaultValue, long min, long max, String sentence) {
    return new ConfigKey(
        name, Type.NUMBER, Long.toString(defaultValue), min, max, List.of(), sentence);
  }

  static ConfigKey size(String name, String defaultText, String min, String max, String sentence) {
    return new ConfigKey(
        name,
        Type.SIZE,
        defaultText,
        io.sluice.util.ByteSizes.parse(min),
        io.sluice.util.ByteSizes.parse(max),
        List.of(),
        sentence);
  }

  static ConfigKey duration(
      String name, String defaultText, String min, String max, String sentence) {
    return new ConfigKey(
        name,
        Type.DURATION,
        defaultText,
        io.sluice.util.Durations.parseMs(min),
        io.sluice.util.Durations.parseMs(max),
        List.of(),
        sentence);
  }

  static ConfigKey durations(
      String name, String defaultText, String min, String max, String sentence) {
    return new ConfigKey(
        name,
        Type.DURATIONS,
        defaultText,
        io.sluice.util.Durations.parseMs(min),
        io.sluice.util.Durations.parseMs(max),
        List.of(),
        sentence);
  }

  static ConfigKey onOff(String name, boolean defaultValue, String sentence) {
    return new ConfigKey(
        name, Type.SWITCH, Boolean.toString(defaultValue), 0, 0, List.of(), sentence);
  }

  static ConfigKey choice(String name, String defaultText, List<String> choices, String sentence) {
    return new ConfigKey(name, Type.CHOICE, defaultText, 0, 0, choices, sentence);
  }

  static ConfigKey text(String name, String defaultText, String sentence) {
    return new ConfigKey(name, Type.TEXT, defaultText, 0, 0, List.of(), sentence);
  }

  /** The flag of the command line: {@code --http-port}. */
  String flag() {
    return "--" + name.replace('.', '-');
  }

  /** The environment variable: {@code SLUICE_HTTP_PORT}. */
  String variable() {
    return "SLUICE_" + name.replace('.', '_').replace('-', '_').toUpperCase(Locale.ROOT);
  }

  /**
   * Reads a value.
   *
   * @return an object of the type's class
   * @throws IllegalArgumentException naming what was found and what is allowed
   */
  Object parse(String text) {
    return ConfigValues.parse(this, text);
  }

  /** What is allowed, for people: {@code 0 to 65535}, {@code memory, disk}, ... */
  String allowed() {
    return ConfigValues.allowed(this);
  }
}
