package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.SluiceException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MessageFilterTest {

  @ParameterizedTest
  @ValueSource(strings = {"*", " * ", "", "  "})
  void shouldWantEverything(String expression) {
    MessageFilter filter = MessageFilter.of(new Filter(Filter.Kind.TAG, expression));
    assertTrue(filter.wantsAll());
    assertTrue(filter.mayWant(0));
  }

  @Test
  void shouldWantTheTagsItNames() {
    MessageFilter filter = MessageFilter.of(Filter.tags(" paid|| sent  ||paid"));
    assertTrue(filter.mayWant("paid".hashCode()));
    assertTrue(filter.mayWant("sent".hashCode()));
    assertFalse(filter.mayWant("other".hashCode()));
    assertFalse(filter.mayWant(0));
  }

  @Test
  void shouldFindOneOfManyTags() {
    StringBuilder expression = new StringBuilder("t0");
    for (int i = 1; i < 100; i++) {
      expression.append("||t").append(i);
    }
    MessageFilter filter = MessageFilter.of(Filter.tags(expression.toString()));
    for (int i = 0; i < 100; i++) {
      assertTrue(filter.mayWant(("t" + i).hashCode()));
    }
    assertFalse(filter.mayWant("t100".hashCode()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"||", "a||", "||a", "a || * ", "a || || b"})
  void shouldRefuseWhatIsNoListOfTags(String expression) {
    SluiceException failure =
        assertThrows(
            SluiceException.class, () -> MessageFilter.of(new Filter(Filter.Kind.TAG, expression)));
    assertEquals(ErrorCode.INVALID_FILTER, failure.code());
  }
}
