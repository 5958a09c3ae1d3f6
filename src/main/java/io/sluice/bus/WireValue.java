package io.sluice.bus;

import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;

/** How the values of one type are written for another process and read back. */
interface WireValue<T> {

  void write(WireWriter out, T value);

  T read(WireReader in);

  /** What a field has that an older sender did not know: null, 0 or false. */
  default T missing() {
    return null;
  }
}
