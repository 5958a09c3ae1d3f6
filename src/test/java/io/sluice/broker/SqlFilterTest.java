package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.parser.SelectorParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SqlFilterTest {

  private static final Map<String, String> MESSAGE =
      Map.of("a", "5", "b", "2.5", "region", "eu-west", "vip", "true", "big", "3000000000");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a = 5",
        "a > 4 AND a < 6",
        "a between 5 and 7",
        "a not between 6 and 7",
        "b >= 2.5",
        "b > 2",
        "big > 2999999999",
        "region = 'eu-west'",
        "region <> 'us'",
        "region IN ('x', 'eu-west')",
        "region NOT IN ('x')",
        "region STARTSWITH 'eu' and region ENDSWITH 'west' and region CONTAINS '-'",
        "missing IS NULL and a IS NOT NULL",
        "NOT (a = 6) OR missing = 1",
        "vip = TRUE",
        "-3 < a -- comment",
        "/* c */ a = +5",
        "TRUE"
      })
  void shouldMatch(String sql) {
    assertTrue(SqlFilter.compile(sql).matches(MESSAGE::get), sql);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a = 6",
        "missing = 1",
        "missing <> 1",
        "NOT (missing = 1)",
        "region > 5",
        "region NOT CONTAINS 'eu'",
        "missing NOT IN ('x')",
        "region CONTAINS ''",
        "a",
        "vip"
      })
  void shouldNotMatch(String sql) {
    assertFalse(SqlFilter.compile(sql).matches(MESSAGE::get), sql);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a >|at position 3 of the filter: found the end, expected a property",
        "a = = 5|at position 4 of the filter: found '=', expected a property",
        "a > 'x'|at position 2 of the filter: found an order comparison",
        "a IN (5)|at position 6 of the filter: found '5', expected a text in single quotes",
        "5 IN ('x')|at position 2 of the filter: found IN behind something else",
        "a = NULL|expected IS NULL",
        "a between 7 and 5|expected the lower one first",
        "(a = 5|at position 6 of the filter: found the end, expected ')'",
        "a ? 5|at position 2 of the filter: found '?'",
        "a = 5 b|at position 6 of the filter: found 'b', expected AND, OR or the end",
        "a = 99999999999999999999|expected a number of at most 64 bits"
      })
  void shouldSayWhereAndWhatWasExpected(String sql, String part) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> SqlFilter.compile(sql));
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void shouldRefuseNestingThatWouldExhaustTheStack() {
    String sql = "(".repeat(100_000) + "a" + ")".repeat(100_000);
    assertThrows(IllegalArgumentException.class, () -> SqlFilter.compile(sql));
  }

  @Property(tries = 3000)
  void shouldAgreeWithRocketMqWhereverThatComesToAnAnswer(
      @ForAll("conditions") String sql, @ForAll("messages") Map<String, String> message) {
    Boolean expected = rocketMq(sql, message);
    if (expected != null) {
      assertEquals(expected, SqlFilter.compile(sql).matches(message::get), sql + " on " + message);
    }
  }

  /** What RocketMQ says, or null where it rejects the filter or fails to evaluate it. */
  private static Boolean rocketMq(String sql, Map<String, String> message) {
    try {
      Expression expression = SelectorParser.parse(sql);
      Object result =
          expression.evaluate(
              new EvaluationContext() {
                @Override
                public Object get(String name) {
                  return message.get(name);
                }

                @Override
                public Map<String, Object> keyValues() {
                  return new HashMap<>(message);
                }
              });
      return Boolean.TRUE.equals(result);
    } catch (Exception e) {
      return null;
    }
  }

  @Provide
  Arbitrary<Map<String, String>> messages() {
    return Arbitraries.maps(
            Arbitraries.of("a", "b", "c"),
            Arbitraries.of("1", "2", "10", "-3", "1.5", "x", "xyz", "true", "false", ""))
        .ofMaxSize(3);
  }

  @Provide
  Arbitrary<String> conditions() {
    return condition(3);
  }

  private static Arbitrary<String> condition(int depth) {
    Arbitrary<String> simple = simpleCondition();
    if (depth == 0) {
      return simple;
    }
    Arbitrary<String> inner = Arbitraries.lazy(() -> condition(depth - 1));
    return Arbitraries.oneOf(
        List.of(
            simple,
            inner.map(c -> "NOT (" + c + ")"),
            Combinators.combine(inner, Arbitraries.of("AND", "OR"), inner)
                .as((l, op, r) -> "(" + l + ") " + op + " " + r)));
  }

  private static Arbitrary<String> simpleCondition() {
    Arbitrary<String> name = Arbitraries.of("a", "b", "c", "missing");
    Arbitrary<String> number = Arbitraries.of("1", "2", "-3", "10", "1.5", "0");
    Arbitrary<String> text = Arbitraries.of("'x'", "'xyz'", "'1'", "'true'", "''");
    return Arbitraries.oneOf(
        List.of(
            Combinators.combine(
                    name,
                    Arbitraries.of("=", "<>", "<", "<=", ">", ">="),
                    Arbitraries.oneOf(number, name))
                .as((l, op, r) -> l + " " + op + " " + r),
            Combinators.combine(name, Arbitraries.of("=", "<>"), text)
                .as((l, op, r) -> l + " " + op + " " + r),
            Combinators.combine(
                    name,
                    Arbitraries.of(
                        "CONTAINS", "NOT CONTAINS", "STARTSWITH", "ENDSWITH", "NOT ENDSWITH"),
                    text)
                .as((l, op, r) -> l + " " + op + " " + r),
            Combinators.combine(name, Arbitraries.of("IN", "NOT IN"), text, text)
                .as((l, op, x, y) -> l + " " + op + " (" + x + ", " + y + ")"),
            Combinators.combine(name, Arbitraries.of("BETWEEN", "NOT BETWEEN"), number, number)
                .as((l, op, x, y) -> l + " " + op + " " + x + " AND " + y),
            name.map(n -> n + " IS NULL"),
            name.map(n -> n + " IS NOT NULL"),
            name.map(n -> n + " = TRUE")));
  }
}
