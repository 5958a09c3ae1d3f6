package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;

/**
 * A filter by tags, compiled: first by the tag code that stands in the queue, without reading the
 * message, then exactly on what is left. Immutable.
 */
final class TagFilter {

  /** Wants everything. */
  static final TagFilter ALL = new TagFilter(Set.of());

  /** More tags in one filter are refused: each entry that is passed over is compared to all. */
  private static final int MAX_TAGS = 256;

  private final Set<String> tags;
  private final long[] codes;

  private TagFilter(Set<String> tags) {
    this.tags = tags;
    codes = tags.stream().mapToLong(String::hashCode).sorted().toArray();
  }

  /**
   * Compiles a filter; null wants everything.
   *
   * @throws SluiceException INVALID_FILTER, or NOT_SUPPORTED for SQL
   */
  static TagFilter of(Filter filter) {
    if (filter == null || filter == Filter.ALL) {
      return ALL;
    }
    if (filter.kind() != Filter.Kind.TAG) {
      throw new SluiceException(
          ErrorCode.NOT_SUPPORTED, "filters by SQL are not supported; filter by tags");
    }
    return ofTags(filter.expression());
  }

  private static TagFilter ofTags(String expression) {
    if (expression == null || expression.isBlank() || expression.trim().equals("*")) {
      return ALL;
    }
    Set<String> tags = new TreeSet<>();
    for (String part : expression.split("\\|\\|", -1)) {
      String tag = part.trim();
      if (tag.isEmpty() || tag.equals("*")) {
        throw new SluiceException(
            ErrorCode.INVALID_FILTER,
            "found '" + expression + "', allowed is * or tags parted by ||, such as paid || sent");
      }
      tags.add(tag);
    }
    if (tags.size() > MAX_TAGS) {
      throw new SluiceException(
          ErrorCode.INVALID_FILTER,
          "the filter names " + tags.size() + " tags; allowed are up to " + MAX_TAGS);
    }
    return new TagFilter(tags);
  }

  boolean wantsAll() {
    return codes.length == 0;
  }

  /** Whether a message with this tag code may be wanted: different tags may share a code. */
  boolean mayWant(long tagsCode) {
    if (codes.length <= 4) {
      for (long code : codes) {
        if (code == tagsCode) {
          return true;
        }
      }
      return codes.length == 0;
    }
    return Arrays.binarySearch(codes, tagsCode) >= 0;
  }

  /** Whether this message is wanted. */
  boolean wants(MessageView message) {
    if (codes.length == 0) {
      return true;
    }
    String tag = message.property(PropertyNames.TAGS);
    return tag != null && tags.contains(tag);
  }
}
