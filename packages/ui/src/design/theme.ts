import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

/** Teal, never a state. Index 6 is the light theme's accent, 4 the dark one's. */
const accent: MantineColorsTuple = [
  "#e3f1f0",
  "#c5e4e1",
  "#9fd5d0",
  "#6fc6bf",
  "#3fb8af",
  "#1b938c",
  "#0b6e69",
  "#095c58",
  "#074a47",
  "#053835",
];
const crit: MantineColorsTuple = [
  "#fbeaeb",
  "#f6ccd0",
  "#f4a3a9",
  "#f38c93",
  "#f2757c",
  "#da5059",
  "#c2313a",
  "#a5282f",
  "#872026",
  "#69181d",
];

/** Mantine's dark scale in our blue-grey, text first, page last. */
const dark: MantineColorsTuple = [
  "#e8ecf1",
  "#c3cbd6",
  "#9aa5b4",
  "#6b7685",
  "#2a313b",
  "#262d36",
  "#1d222a",
  "#161a20",
  "#12161b",
  "#0f1216",
];

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: { light: 6, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.36,
  colors: { accent, crit, dark },
  fontFamily: "var(--sans)",
  fontFamilyMonospace: "var(--code)",
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { openDelay: 250, withArrow: false, transitionProps: { duration: 80 } } },
    Modal: {
      defaultProps: { centered: true, transitionProps: { duration: 100 }, overlayProps: { backgroundOpacity: 0.45 } },
    },
    Menu: { defaultProps: { shadow: "md", transitionProps: { duration: 80 } } },
    Button: { defaultProps: { size: "sm" } },
    Skeleton: { defaultProps: { radius: 4 } },
  },
});

/** Mantine's surfaces take our tokens, which differ by scheme themselves. */
export const cssVariables: CSSVariablesResolver = () => {
  const both = {
    "--mantine-color-body": "var(--surface)",
    "--mantine-color-text": "var(--text)",
    "--mantine-color-dimmed": "var(--muted)",
    "--mantine-color-placeholder": "var(--muted)",
    "--mantine-color-anchor": "var(--accent)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--hover)",
    "--mantine-color-default-color": "var(--text)",
    "--mantine-color-default-border": "var(--line)",
    "--mantine-color-error": "var(--crit)",
  };
  return { variables: {}, light: both, dark: both };
};
