package io.sluice.broker;

import io.sluice.broker.SqlFilter.Node;
import io.sluice.broker.SqlFilter.TextTest;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Reads the text of a {@link SqlFilter}: tokens first, then by recursive descent. Used once. */
final class SqlFilterParser {

  /** Deepest nesting of parentheses, NOT and signs; a parser's stack has an end. */
  private static final int MAX_DEPTH = 200;

  private enum Type {
    WORD,
    NAME,
    TEXT,
    NUMBER,
    SIGN,
    END
  }

  /**
   * One token.
   *
   * @param text as written; reserved words in upper case; texts without quotes
   * @param position of its first character
   */
  private record Token(Type type, String text, int position) {
    boolean is(String sign) {
      return (type == Type.SIGN || type == Type.WORD) && text.equals(sign);
    }
  }

  /**
   * A part that was read.
   *
   * @param condition whether it is true or false by nature, not just a value
   * @param property whether it is a bare property
   * @param literal whether it is a literal, then {@code value} is its value
   */
  private record Part(
      Node node, boolean condition, boolean property, boolean literal, Object value) {
    static Part condition(Node node) {
      return new Part(node, true, false, false, null);
    }

    static Part literal(Object value) {
      return new Part(properties -> value, value instanceof Boolean, false, true, value);
    }

    Node asCondition() {
      return condition ? node : SqlFilter.asCondition(node);
    }
  }

  private final String sql;
  private final List<Token> tokens = new ArrayList<>();
  private int next;
  private int depth;

  SqlFilterParser(String sql) {
    this.sql = sql;
  }

  Node parse() {
    tokenize();
    Part part = or();
    if (peek().type() != Type.END) {
      throw unexpected("AND, OR or the end");
    }
    return part.asCondition();
  }

  private Part or() {
    Part left = and();
    while (take("OR")) {
      left = Part.condition(SqlFilter.or(left.asCondition(), and().asCondition()));
    }
    return left;
  }

  private Part and() {
    Part left = equality();
    while (take("AND")) {
      left = Part.condition(SqlFilter.and(left.asCondition(), equality().asCondition()));
    }
    return left;
  }

  private Part equality() {
    Part left = comparison();
    while (true) {
      int position = peek().position();
      if (take("=")) {
        left = Part.condition(equal(left, comparison(), position));
      } else if (take("<>")) {
        left = Part.condition(SqlFilter.not(equal(left, comparison(), position)));
      } else if (take("IS")) {
        boolean negated = take("NOT");
        require("NULL");
        Node isNull = SqlFilter.isNull(left.node());
        left = Part.condition(negated ? SqlFilter.not(isNull) : isNull);
      } else {
        return left;
      }
    }
  }

  private Node equal(Part left, Part right, int position) {
    if (isNullLiteral(left) || isNullLiteral(right)) {
      throw rejected(position, "found a comparison with NULL, expected IS NULL or IS NOT NULL");
    }
    return SqlFilter.equal(left.node(), right.node());
  }

  private static boolean isNullLiteral(Part part) {
    return part.literal() && part.value() == null;
  }

  private Part comparison() {
    Part left = unary();
    while (true) {
      Token token = peek();
      boolean negated = token.is("NOT");
      String operator = negated ? tokens.get(next + 1).text() : token.text();
      if (token.type() != Type.SIGN && token.type() != Type.WORD) {
        return left;
      }
      Part right = operation(left, operator, negated, token.position());
      if (right == null) {
        return left;
      }
      left = right;
    }
  }

  /**
   * Reads one operator and its operands, or returns null and reads nothing if there is none here.
   */
  private Part operation(Part left, String operator, boolean negated, int position) {
    switch (operator) {
      case "<", "<=", ">", ">=" -> {
        if (negated) {
          return null;
        }
        next++;
        return Part.condition(ordered(left, operator, unary(), position));
      }
      case "BETWEEN" -> {
        next += negated ? 2 : 1;
        return Part.condition(between(left, negated, position));
      }
      case "IN" -> {
        next += negated ? 2 : 1;
        return Part.condition(in(left, negated, position));
      }
      case "CONTAINS" -> {
        return text(left, negated, String::contains);
      }
      case "STARTSWITH" -> {
        return text(left, negated, String::startsWith);
      }
      case "ENDSWITH" -> {
        return text(left, negated, String::endsWith);
      }
      default -> {
        return null;
      }
    }
  }

  private Node ordered(Part left, String operator, Part right, int position) {
    requireOrdered(left, position);
    requireOrdered(right, position);
    return SqlFilter.compare(
        left.node(),
        right.node(),
        switch (operator) {
          case "<" -> comparison -> comparison < 0;
          case "<=" -> comparison -> comparison <= 0;
          case ">" -> comparison -> comparison > 0;
          default -> comparison -> comparison >= 0;
        });
  }

  private void requireOrdered(Part part, int position) {
    if (part.condition() || part.literal() && !(part.value() instanceof Number)) {
      throw rejected(
          position,
          "found an order comparison of something that is no number, expected numbers or properties");
    }
  }

  private Node between(Part left, boolean negated, int position) {
    Part low = unary();
    require("AND");
    Part high = unary();
    if (!negated
        && low.value() instanceof Number a
        && high.value() instanceof Number b
        && a.doubleValue() > b.doubleValue()) {
      throw rejected(
          position, "found BETWEEN " + a + " AND " + b + ", expected the lower one first");
    }
    return negated
        ? SqlFilter.or(ordered(left, "<", low, position), ordered(left, ">", high, position))
        : SqlFilter.and(ordered(left, ">=", low, position), ordered(left, "<=", high, position));
  }

  private Node in(Part left, boolean negated, int position) {
    if (!left.property()) {
      throw rejected(position, "found IN behind something else, expected a property before IN");
    }
    require("(");
    Set<String> values = new LinkedHashSet<>();
    do {
      values.add(textLiteral());
    } while (take(","));
    require(")");
    return SqlFilter.in(left.node(), Set.copyOf(values), negated);
  }

  private Part text(Part left, boolean negated, TextTest test) {
    next += negated ? 2 : 1;
    return Part.condition(SqlFilter.text(left.node(), textLiteral(), test, negated));
  }

  private String textLiteral() {
    if (peek().type() != Type.TEXT) {
      throw unexpected("a text in single quotes");
    }
    return tokens.get(next++).text();
  }

  private Part unary() {
    if (++depth > MAX_DEPTH) {
      throw rejected(peek().position(), "found more than " + MAX_DEPTH + " levels of nesting");
    }
    try {
      if (take("+")) {
        return unary();
      }
      if (take("-")) {
        Part operand = unary();
        return new Part(SqlFilter.negate(operand.node()), false, false, false, null);
      }
      if (take("NOT")) {
        return Part.condition(SqlFilter.not(unary().asCondition()));
      }
      return primary();
    } finally {
      depth--;
    }
  }

  private Part primary() {
    if (take("(")) {
      Part inner = or();
      require(")");
      return inner;
    }
    Token token = peek();
    switch (token.type()) {
      case TEXT -> {
        next++;
        return Part.literal(token.text());
      }
      case NUMBER -> {
        next++;
        return Part.literal(number(token));
      }
      case NAME -> {
        next++;
        String name = token.text();
        return new Part(properties -> properties.apply(name), false, true, false, null);
      }
      default -> {
        if (take("TRUE")) {
          return Part.literal(Boolean.TRUE);
        }
        if (take("FALSE")) {
          return Part.literal(Boolean.FALSE);
        }
        if (take("NULL")) {
          return Part.literal(null);
        }
        throw unexpected("a property, a text in single quotes, a number, TRUE, FALSE, NULL or '('");
      }
    }
  }

  private Object number(Token token) {
    String text = token.text();
    try {
      if (text.chars().allMatch(c -> c >= '0' && c <= '9')) {
        return Long.valueOf(text);
      }
      if (text.endsWith("L") || text.endsWith("l")) {
        return Long.valueOf(text.substring(0, text.length() - 1));
      }
      Double value = Double.valueOf(text);
      if (!value.isInfinite()) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below, with the position.
    }
    throw rejected(token.position(), "found " + text + ", expected a number of at most 64 bits");
  }

  private Token peek() {
    return tokens.get(next);
  }

  private boolean take(String sign) {
    if (!peek().is(sign)) {
      return false;
    }
    next++;
    return true;
  }

  private void require(String sign) {
    if (!take(sign)) {
      throw unexpected("'" + sign + "'");
    }
  }

  private IllegalArgumentException unexpected(String expected) {
    Token found = peek();
    String text =
        found.type() == Type.END
            ? "the end"
            : "'" + sql.substring(found.position(), tokens.get(next + 1).position()).trim() + "'";
    return rejected(found.position(), "found " + text + ", expected " + expected);
  }

  private IllegalArgumentException rejected(int position, String what) {
    return new IllegalArgumentException("at position " + position + " of the filter: " + what);
  }

  private void tokenize() {
    int at = 0;
    while (at < sql.length()) {
      char c = sql.charAt(at);
      if (Character.isWhitespace(c)) {
        at++;
      } else if (sql.startsWith("--", at)) {
        int end = sql.indexOf('\n', at);
        at = end < 0 ? sql.length() : end + 1;
      } else if (sql.startsWith("/*", at)) {
        int end = sql.indexOf("*/", at + 2);
        if (end < 0) {
          throw rejected(at, "found a comment without its end, expected */");
        }
        at = end + 2;
      } else if (c == '\'') {
        at = tokenizeText(at);
      } else if (isDigit(c) || c == '.' && at + 1 < sql.length() && isDigit(sql.charAt(at + 1))) {
        at = tokenizeNumber(at);
      } else if (isNameStart(c)) {
        at = tokenizeName(at);
      } else {
        at = tokenizeSign(at);
      }
    }
    tokens.add(new Token(Type.END, "", sql.length()));
    // A second end lets look-ahead by one stay inside of the list.
    tokens.add(new Token(Type.END, "", sql.length()));
  }

  private int tokenizeText(int start) {
    StringBuilder text = new StringBuilder();
    int at = start + 1;
    while (at < sql.length()) {
      char c = sql.charAt(at);
      if (c != '\'') {
        text.append(c);
        at++;
      } else if (at + 1 < sql.length() && sql.charAt(at + 1) == '\'') {
        text.append(c);
        at += 2;
      } else {
        tokens.add(new Token(Type.TEXT, text.toString(), start));
        return at + 1;
      }
    }
    throw rejected(start, "found a text without its end, expected a single quote");
  }

  private int tokenizeNumber(int start) {
    int at = digits(start);
    boolean whole = true;
    if (at < sql.length() && sql.charAt(at) == '.') {
      whole = false;
      at = digits(at + 1);
    }
    if (at < sql.length() && (sql.charAt(at) | 0x20) == 'e') {
      int exponent = at + 1;
      if (exponent < sql.length() && "+-".indexOf(sql.charAt(exponent)) >= 0) {
        exponent++;
      }
      if (exponent < sql.length() && isDigit(sql.charAt(exponent))) {
        whole = false;
        at = digits(exponent);
      }
    }
    if (whole && at < sql.length() && (sql.charAt(at) | 0x20) == 'l') {
      at++;
    }
    if (at < sql.length() && isNameStart(sql.charAt(at))) {
      throw rejected(
          start, "found a number followed by '" + sql.charAt(at) + "', expected a blank");
    }
    tokens.add(new Token(Type.NUMBER, sql.substring(start, at), start));
    return at;
  }

  private int tokenizeName(int start) {
    int at = start;
    while (at < sql.length() && (isNameStart(sql.charAt(at)) || isDigit(sql.charAt(at)))) {
      at++;
    }
    String text = sql.substring(start, at);
    String upper = text.toUpperCase(Locale.ROOT);
    boolean reserved = SqlFilter.RESERVED.contains(upper);
    tokens.add(new Token(reserved ? Type.WORD : Type.NAME, reserved ? upper : text, start));
    return at;
  }

  private int tokenizeSign(int start) {
    for (String sign : new String[] {"<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-"}) {
      if (sql.startsWith(sign, start)) {
        tokens.add(new Token(Type.SIGN, sign, start));
        return start + sign.length();
      }
    }
    throw rejected(
        start, "found '" + sql.charAt(start) + "', expected a property, a literal or an operator");
  }

  private int digits(int start) {
    int at = start;
    while (at < sql.length() && isDigit(sql.charAt(at))) {
      at++;
    }
    return at;
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isNameStart(char c) {
    return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$';
  }
}
