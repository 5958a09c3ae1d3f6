package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import io.sluice.message.TagsCode;
import io.sluice.store.RecordFilter;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A filter, compiled. One by tags goes first by the tag code that stands in the queue, without
 * reading the message, then exactly by the tags of what is left. One by SQL has no use of the tag
 * code; it reads the properties of each message where it lies, and never its body. Immutable.
 */
final class MessageFilter implements RecordFilter {

  /** Wants everything. */
  static final MessageFilter ALL = new MessageFilter(Set.of(), null);

  /** More tags in one filter are refused: each entry that is passed over is compared to all. */
  private static final int MAX_TAGS = 256;

  /** Longest condition: its tree is then at most some 2,000 nodes deep, well within a stack. */
  private static final int MAX_SQL_CHARS = 8_192;

  /**
   * So many compiled filters are remembered, then all are forgotten: at most 2 MB of text and about
   * ten times that in nodes. Consumers ask with the same few again and again.
   */
  private static final int MAX_COMPILED = 256;

  /** So many entries are looked at in one go for one the filter wants: about 0.2 ms. */
  private static final int TAG_SCAN = 16_384;

  /** The same where each one's properties are read: about 0.5 µs each. */
  private static final int SQL_SCAN = 2_048;

  /** Shared by the Brokers of a process, each on its own event loop. */
  private static final Map<Filter, MessageFilter> COMPILED = new ConcurrentHashMap<>();

  private final Set<String> tags;
  private final long[] codes;
  private final SqlFilter sql;

  private MessageFilter(Set<String> tags, SqlFilter sql) {
    this.tags = tags;
    this.sql = sql;
    codes = tags.stream().mapToLong(String::hashCode).sorted().toArray();
  }

  /**
   * Compiles a filter, or finds it compiled; null wants everything.
   *
   * @throws SluiceException INVALID_FILTER, with what was found and what was expected
   */
  static MessageFilter of(Filter filter) {
    if (filter == null || filter == Filter.ALL) {
      return ALL;
    }
    MessageFilter known = COMPILED.get(filter);
    if (known != null) {
      return known;
    }
    MessageFilter compiled =
        filter.kind() == Filter.Kind.SQL ? ofSql(filter.expression()) : ofTags(filter.expression());
    if (COMPILED.size() >= MAX_COMPILED) {
      COMPILED.clear();
    }
    COMPILED.put(filter, compiled);
    return compiled;
  }

  private static MessageFilter ofSql(String expression) {
    String text = expression == null ? "" : expression;
    if (text.length() > MAX_SQL_CHARS) {
      throw new SluiceException(
          ErrorCode.INVALID_FILTER,
          "the filter has " + text.length() + " characters; allowed are up to " + MAX_SQL_CHARS);
    }
    try {
      return new MessageFilter(Set.of(), SqlFilter.compile(text));
    } catch (IllegalArgumentException e) {
      throw new SluiceException(ErrorCode.INVALID_FILTER, e.getMessage());
    }
  }

  private static MessageFilter ofTags(String expression) {
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
    return new MessageFilter(tags, null);
  }

  boolean wantsAll() {
    return codes.length == 0 && sql == null;
  }

  /** How many entries may be looked at in one go. */
  int scanLimit() {
    return readsRecords() ? SQL_SCAN : TAG_SCAN;
  }

  @Override
  public boolean readsRecords() {
    return sql != null;
  }

  /** Whether a message with this tag code may be wanted: different tags may share a code. */
  @Override
  public boolean mayWant(long entryCode) {
    long tagsCode = TagsCode.tag(entryCode);
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

  @Override
  public boolean wants(MessageView message) {
    if (sql != null) {
      return sql.matches(message::property);
    }
    if (codes.length == 0) {
      return true;
    }
    String tag = message.property(PropertyNames.TAGS);
    return tag != null && tags.contains(tag);
  }
}
