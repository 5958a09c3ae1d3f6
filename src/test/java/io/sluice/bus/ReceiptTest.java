package io.sluice.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ReceiptTest {

  @Property
  void shouldReadBackWhatItWrites(
      @ForAll long lease, @ForAll long offset, @ForAll @IntRange(min = 0) int queueId) {
    Receipt receipt = new Receipt("broker.a", "orders", queueId, offset, lease);
    assertEquals(receipt, Receipt.parse("g", receipt.toText("g")));
  }

  @Test
  void shouldNotTakeAReceiptOfAnotherGroup() {
    assertNull(Receipt.parse("h", new Receipt("b", "orders", 1, 2, 3).toText("g")));
  }

  @Test
  void shouldNotTakeAReceiptWithAnyCharacterChanged() {
    Receipt receipt = new Receipt("b", "orders", 1, 2, 3);
    String text = receipt.toText("g");
    for (int i = 0; i < text.length(); i++) {
      char other = text.charAt(i) == 'A' ? 'B' : 'A';
      assertNotEquals(
          receipt, Receipt.parse("g", text.substring(0, i) + other + text.substring(i + 1)));
    }
  }

  @Test
  void shouldTakeNothingThatIsNoReceipt() {
    for (String text :
        new String[] {null, "", ".", "x.y.z", "A".repeat(32) + "..", "é".repeat(40)}) {
      assertNull(Receipt.parse("g", text));
    }
  }
}
