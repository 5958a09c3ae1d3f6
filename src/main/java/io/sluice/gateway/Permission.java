package io.sluice.gateway;

import java.util.Locale;

/** What a caller may be allowed to do; the names are the words of a token's scope. */
enum Permission {
  /** Store messages, and recall or end what was stored. */
  SEND,
  /** Read messages and settle them. */
  RECEIVE,
  /** See how things stand: the cluster, topics, groups, lag, figures. */
  MONITOR,
  /** Change topics, groups, positions, dead letters and Brokers; includes {@link #MONITOR}. */
  ADMIN;

  /** As it stands in a scope. */
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
