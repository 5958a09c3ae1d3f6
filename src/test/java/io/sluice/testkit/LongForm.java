package io.sluice.testkit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * A test of many processes that takes half a minute or more, beside others that hold most of the
 * same: it runs with {@code -Dforms=long} only, so that a whole run stays under half an hour.
 */
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
@EnabledIfSystemProperty(
    named = "forms",
    matches = "long",
    disabledReason = "takes half a minute or more: -Dforms=long")
public @interface LongForm {}
