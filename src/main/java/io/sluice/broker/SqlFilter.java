package io.sluice.broker;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * A compiled SQL92 condition over the properties of a message, in RocketMQ's grammar: {@code =, <>,
 * <, <=, >, >=, [NOT] BETWEEN, [NOT] IN, IS [NOT] NULL, [NOT] CONTAINS, STARTSWITH, ENDSWITH, AND,
 * OR, NOT}, string, number and boolean literals. Unknown properties are NULL, logic has three
 * values, and what can not be evaluated does not match.
 *
 * <p>Where RocketMQ gives up on a number it could compare ({@code '5.5' > 5}, or whole numbers
 * beyond 32 bits), this compares. Source: rocketmq-filter 5.5.0, which is the oracle of the tests.
 * Immutable; any thread.
 */
final class SqlFilter {

  /** A value of the condition: null, Boolean, String, Long or Double. */
  @FunctionalInterface
  interface Node {
    Object evaluate(UnaryOperator<String> properties);
  }

  private final Node root;

  private SqlFilter(Node root) {
    this.root = root;
  }

  /**
   * Compiles a condition.
   *
   * @throws IllegalArgumentException with the position, what was found and what was expected
   */
  static SqlFilter compile(String sql) {
    return new SqlFilter(new SqlFilterParser(sql).parse());
  }

  /**
   * Whether a message matches.
   *
   * @param properties gives a property's value by its name, or null
   */
  boolean matches(UnaryOperator<String> properties) {
    try {
      return root.evaluate(properties) == Boolean.TRUE;
    } catch (NotComparable e) {
      return false;
    }
  }

  static Node or(Node left, Node right) {
    return properties -> {
      Object first = left.evaluate(properties);
      if (first == Boolean.TRUE) {
        return Boolean.TRUE;
      }
      Object second = right.evaluate(properties);
      if (second == Boolean.TRUE) {
        return Boolean.TRUE;
      }
      return first == null || second == null ? null : Boolean.FALSE;
    };
  }

  static Node and(Node left, Node right) {
    return properties -> {
      Object first = left.evaluate(properties);
      if (first == Boolean.FALSE) {
        return Boolean.FALSE;
      }
      Object second = right.evaluate(properties);
      if (second == Boolean.FALSE) {
        return Boolean.FALSE;
      }
      return first == null || second == null ? null : Boolean.TRUE;
    };
  }

  static Node not(Node operand) {
    return properties -> {
      Object value = operand.evaluate(properties);
      return value == null ? null : value != Boolean.TRUE;
    };
  }

  /** A value used as a condition: only TRUE is true. */
  static Node asCondition(Node value) {
    return properties -> {
      Object found = value.evaluate(properties);
      return found == null ? null : found == Boolean.TRUE;
    };
  }

  static Node negate(Node operand) {
    return properties -> {
      Object value = operand.evaluate(properties);
      if (value instanceof Long number) {
        return -number;
      }
      return value instanceof Double number ? (Object) (-number) : null;
    };
  }

  static Node isNull(Node operand) {
    return properties -> operand.evaluate(properties) == null;
  }

  static Node equal(Node left, Node right) {
    return properties -> {
      Object first = left.evaluate(properties);
      Object second = right.evaluate(properties);
      if (first == null && second == null) {
        return Boolean.TRUE;
      }
      if (first == null) {
        return null;
      }
      return second != null && areEqual(first, second);
    };
  }

  /** The outcome of an order comparison that a condition asks for. */
  @FunctionalInterface
  interface Outcome {
    boolean holds(int comparison);
  }

  static Node compare(Node left, Node right, Outcome outcome) {
    return properties -> {
      Object first = left.evaluate(properties);
      Object second = first == null ? null : right.evaluate(properties);
      return second == null ? null : outcome.holds(order(first, second));
    };
  }

  static Node in(Node operand, Set<String> values, boolean negated) {
    return properties ->
        operand.evaluate(properties) instanceof String text
            ? (Object) (values.contains(text) != negated)
            : null;
  }

  /** How a text is looked for in another. */
  @FunctionalInterface
  interface TextTest {
    boolean holds(String text, String search);
  }

  static Node text(Node operand, String search, TextTest test, boolean negated) {
    return properties ->
        !search.isEmpty()
            && operand.evaluate(properties) instanceof String text
            && test.holds(text, search) != negated;
  }

  private static boolean areEqual(Object first, Object second) {
    if (first.getClass() == second.getClass()) {
      return first.equals(second);
    }
    if (first instanceof Boolean || second instanceof Boolean) {
      return bool(first) == bool(second);
    }
    return order(first, second) == 0;
  }

  private static Boolean bool(Object value) {
    if (value instanceof String text) {
      return Boolean.valueOf(text);
    }
    if (value instanceof Boolean bool) {
      return bool;
    }
    throw NotComparable.INSTANCE;
  }

  private static int order(Object first, Object second) {
    Number left = number(first);
    Number right = number(second);
    return left instanceof Long a && right instanceof Long b
        ? Long.compare(a, b)
        : Double.compare(left.doubleValue(), right.doubleValue());
  }

  private static Number number(Object value) {
    if (value instanceof Number number) {
      return number;
    }
    if (value instanceof String text) {
      return parse(text);
    }
    throw NotComparable.INSTANCE;
  }

  private static Number parse(String text) {
    try {
      if (isWhole(text)) {
        return Long.valueOf(text);
      }
      return Double.valueOf(text);
    } catch (NumberFormatException e) {
      throw NotComparable.INSTANCE;
    }
  }

  private static boolean isWhole(String text) {
    if (text.isEmpty() || text.length() > 19) {
      return false;
    }
    for (int i = text.charAt(0) == '-' ? 1 : 0; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }

  /** Two values have no order; a normal outcome, so without a stack trace. */
  static final class NotComparable extends RuntimeException {
    private static final long serialVersionUID = 1L;
    static final NotComparable INSTANCE = new NotComparable();

    private NotComparable() {
      super("not comparable", null, false, false);
    }
  }

  /** Words that can not be a property's name. */
  static final List<String> RESERVED =
      List.of(
          "NOT",
          "AND",
          "OR",
          "BETWEEN",
          "IN",
          "TRUE",
          "FALSE",
          "NULL",
          "IS",
          "CONTAINS",
          "STARTSWITH",
          "ENDSWITH");
}
