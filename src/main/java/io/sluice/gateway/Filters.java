package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.SluiceException;
import java.io.IOException;
import java.util.List;

/** Reads filters from JSON and from queries. */
final class Filters {

  static final List<String> FIELDS = List.of("tag", "sql");

  private Filters() {}

  /** A filter as a JSON object: {@code {"tag":"A || B"}} or {@code {"sql":"price > 10"}}. */
  static Filter read(String name, JsonParser parser) throws IOException {
    Fields.expectObject(name, parser);
    String[] found = new String[2];
    Fields.readFields(
        parser,
        FIELDS,
        (field, value) -> {
          int index = FIELDS.indexOf(field);
          if (index < 0) {
            return false;
          }
          found[index] = Fields.text(name + "." + field, value);
          return true;
        });
    return of(found[0], found[1]);
  }

  /** A filter by tags or by SQL; null where neither is given. */
  static Filter of(String tag, String sql) {
    if (tag != null && sql != null) {
      throw new SluiceException(
          ErrorCode.INVALID_FILTER, "the filter has both tag and sql; give one of them");
    }
    if (sql != null) {
      if (sql.isBlank()) {
        throw new SluiceException(ErrorCode.INVALID_FILTER, "the sql filter is empty");
      }
      return new Filter(Filter.Kind.SQL, sql);
    }
    return Filter.tags(tag);
  }
}
