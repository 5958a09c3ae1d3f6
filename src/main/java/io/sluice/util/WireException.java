package io.sluice.util;

/** Bytes that are not what they should be: cut off, changed, or written by another version. */
public final class WireException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public WireException(String detail) {
    super(detail, null, false, false);
  }

  /** The same, with the name of what was being read in front. */
  public WireException in(String name) {
    String detail = getMessage();
    return new WireException(name + (detail.startsWith(".") ? detail : ": " + detail));
  }

  /** The same, with the name of a part in front; names of parts make a path. */
  public WireException inPart(String name) {
    String detail = getMessage();
    return new WireException("." + name + (detail.startsWith(".") ? detail : ": " + detail));
  }
}
