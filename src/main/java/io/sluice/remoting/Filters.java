package io.sluice.remoting;

import io.sluice.bus.Filter;
import java.util.Arrays;
import java.util.List;

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
    if (SQL92.equals(type)) {
      return new Filter(Filter.Kind.SQL, expression == null ? "" : expression);
    }
    if (expression == null || expression.isBlank() || expression.trim().equals("*")) {
      return Filter.ALL;
    }
    // An empty tag between bars is passed over (RocketMQ 5.5.0, FilterAPI).
    return Filter.tags(String.join(" || ", tags(expression)));
  }

  /** The tags of an expression; none for everything. */
  static List<String> tags(String expression) {
    return expression.trim().equals("*")
        ? List.of()
        : Arrays.stream(expression.split("\\|\\|"))
            .map(String::trim)
            .filter(tag -> !tag.isEmpty())
            .toList();
  }

  /** RocketMQ's name of a filter's language. */
  static String typeOf(Filter filter) {
    return filter.kind() == Filter.Kind.SQL ? SQL92 : "TAG";
  }
}
