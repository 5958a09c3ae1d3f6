package io.sluice.remoting;

import io.sluice.bus.Filter;

/** RocketMQ's filter expressions. */
final class Filters {

  private static final String SQL92 = "SQL92";

  private Filters() {}

  /**
   * A filter.
   *
   * @param type TAG, SQL92, or null for TAG
   * @param expression null or empty for everything
   */
  static Filter of(String type, String expression) {
    return SQL92.equals(type)
        ? new Filter(Filter.Kind.SQL, expression == null ? "" : expression)
        : Filter.tags(expression);
  }

  /** RocketMQ's name of a filter's language. */
  static String typeOf(Filter filter) {
    return filter.kind() == Filter.Kind.SQL ? SQL92 : "TAG";
  }
}
