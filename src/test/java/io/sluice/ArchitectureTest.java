package io.sluice;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Holds the packages to the arrows of the architecture: one way, downwards, no cycles. */
class ArchitectureTest {

  private static final String ROOT = "io.sluice";

  /** For each package what of ours it may use. The package app sees all and is not listed. */
  private static final Map<String, List<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("util", List.of()),
          Map.entry("metrics", List.of("util")),
          Map.entry("message", List.of("util")),
          Map.entry("store", List.of("util", "metrics", "message")),
          Map.entry("bus", List.of("util", "message")),
          Map.entry("group", List.of()),
          Map.entry("cluster", List.of("group", "util")),
          Map.entry("controller", List.of("group", "bus", "util", "message")),
          Map.entry("nameserver", List.of("bus", "util", "metrics", "message")),
          Map.entry("broker", List.of("bus", "store", "util", "metrics", "message")),
          Map.entry("replication", List.of("store", "bus", "util", "metrics", "message")),
          Map.entry("remoting", List.of("bus", "util", "metrics", "message")),
          Map.entry("gateway", List.of("bus", "util", "metrics", "message")),
          Map.entry("client", List.of("bus", "util", "metrics", "message")));

  /** Packages that know nothing of Vert.x. */
  private static final String[] WITHOUT_VERTX = {
    ROOT + ".util..", ROOT + ".metrics..", ROOT + ".store..", ROOT + ".group.."
  };

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages(ROOT);

  @Test
  void shouldUseOnlyThePackagesBelow() {
    MAY_USE.forEach(
        (name, lower) -> {
          Set<String> allowed = new TreeSet<>(lower);
          allowed.add(name);
          String[] packages =
              allowed.stream().map(other -> ROOT + "." + other + "..").toArray(String[]::new);
          classes()
              .that()
              .resideInAPackage(ROOT + "." + name + "..")
              .should()
              .onlyDependOnClassesThat(
                  resideInAnyPackage(packages).or(resideOutsideOfPackage(ROOT + "..")))
              .because("the arrows of the packages go downwards, and only those that are drawn")
              .allowEmptyShould(true)
              .check(CLASSES);
        });
  }

  @Test
  void shouldHaveNoCyclesBetweenPackages() {
    slices().matching(ROOT + ".(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void shouldKeepVertxOutOfTheStore() {
    noClasses()
        .that()
        .resideInAnyPackage(WITHOUT_VERTX)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.vertx..", "io.netty..")
        .check(CLASSES);
  }

  @Test
  void shouldKnowEveryPackage() {
    Set<String> found =
        CLASSES.stream()
            .map(type -> type.getPackageName().substring(ROOT.length() + 1).split("\\.")[0])
            .collect(Collectors.toCollection(TreeSet::new));
    found.removeAll(MAY_USE.keySet());
    assertEquals(Set.of("app"), found, "a package that the table of arrows does not know");
  }
}
