package io.sluice.app;

import java.util.List;

/** A configuration that can not be started with. Names every mistake found, not only the first. */
public final class ConfigException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final transient List<String> mistakes;

  ConfigException(List<String> mistakes) {
    super(String.join(System.lineSeparator(), mistakes), null, false, false);
    this.mistakes = List.copyOf(mistakes);
  }

  /** One sentence for each mistake: the key, where it stood, found against allowed. */
  public List<String> mistakes() {
    return mistakes;
  }
}
