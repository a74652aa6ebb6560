import { useEffect, useRef, useState } from "react";

/** An element's size (px), and whether it has come near the visible part of the page yet. */
export function usePlace() {
  const ref = useRef<HTMLElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    measure.observe(element);
    const watch = new IntersectionObserver((entries) => setSeen(entries.some((entry) => entry.isIntersecting)), {
      rootMargin: "300px",
    });
    watch.observe(element);
    return () => {
      measure.disconnect();
      watch.disconnect();
    };
  }, []);
  return { ref, ...size, seen };
}
