package io.sluice.metrics;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * Keeps counters and gauges and writes them in Prometheus' text format 0.0.4. Written by hand: the
 * format is a line per value, and a library for it would be larger than all of this package. Safe
 * for any thread; counting neither locks nor allocates.
 */
public final class MetricRegistry implements Metrics {

  /** The content type of {@link #writePrometheus}. */
  public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final Map<String, Family> families = new ConcurrentSkipListMap<>();

  @Override
  public Counter counter(String name, String help, String... labels) {
    return family(name, help, "counter").counter(labelText(labels));
  }

  @Override
  public void gauge(String name, String help, LongSupplier value, String... labels) {
    family(name, help, "gauge").values.put(labelText(labels), value);
  }

  @Override
  public void removeGauge(String name, String... labels) {
    Family family = families.get(name);
    if (family != null) {
      family.values.remove(labelText(labels));
    }
  }

  /** Writes every value, a family after the other, by name. */
  public void writePrometheus(StringBuilder out) {
    families.forEach(
        (name, family) -> {
          if (family.values.isEmpty()) {
            return;
          }
          writeHead(out, name, family.help, family.type);
          family.values.forEach(
              (labels, value) ->
                  out.append(name)
                      .append(labels)
                      .append(' ')
                      .append(value.getAsLong())
                      .append('\n'));
        });
  }

  static void writeHead(StringBuilder out, String name, String help, String type) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  static String labelText(String... labels) {
    if (labels.length == 0) {
      return "";
    }
    StringBuilder text = new StringBuilder("{");
    for (int i = 0; i < labels.length; i += 2) {
      if (i > 0) {
        text.append(',');
      }
      String value = labels[i + 1].replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
      text.append(labels[i]).append("=\"").append(value).append('"');
    }
    return text.append('}').toString();
  }

  private Family family(String name, String help, String type) {
    Family family = families.computeIfAbsent(name, ignored -> new Family(help, type));
    if (!family.type.equals(type)) {
      throw new IllegalArgumentException(name + " is a " + family.type + " already, not a " + type);
    }
    return family;
  }

  /** All values of one name. */
  private static final class Family {

    private final String help;
    private final String type;
    private final Map<String, LongSupplier> values = new ConcurrentSkipListMap<>();

    Family(String help, String type) {
      this.help = help;
      this.type = type;
    }

    Counter counter(String labels) {
      return (AdderCounter) values.computeIfAbsent(labels, ignored -> new AdderCounter());
    }
  }

  /** A counter that threads add to without meeting. */
  private static final class AdderCounter implements Counter, LongSupplier {

    private final LongAdder adder = new LongAdder();

    @Override
    public void add(long amount) {
      adder.add(amount);
    }

    @Override
    public long getAsLong() {
      return adder.sum();
    }
  }
}
