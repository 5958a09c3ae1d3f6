package io.sluice.bus;

/**
 * Which messages of a topic a consumer wants.
 *
 * @param kind the language of the expression
 * @param expression for TAG {@code *} or tags parted by {@code ||}; for SQL a SQL92 condition over
 *     the properties
 */
public record Filter(Kind kind, String expression) implements BusMessage {

  /** Everything. */
  public static final Filter ALL = new Filter(Kind.TAG, "*");

  /** The languages of filters. */
  public enum Kind {
    TAG,
    SQL
  }

  /** A filter by tags; null or empty wants everything. */
  public static Filter tags(String expression) {
    return expression == null || expression.isBlank() ? ALL : new Filter(Kind.TAG, expression);
  }
}
