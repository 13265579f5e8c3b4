"""What is said to a guest: texts to wait for on the console, each with what is typed then."""


class Steps:
    def __init__(self, steps):
        self.left = list(steps)
        # Where what was not looked at yet begins.
        self.mark = 0

    def __bool__(self):
        return bool(self.left)

    def due(self, console):
        """What is to be typed now, one text after the other."""
        while self.left:
            step = self.left[0]
            if step.expect:
                found = step.expect.search(console, self.mark)
                if not found:
                    return
                self.mark = found.end()
            self.left.pop(0)
            yield step.type

    def waits_for(self, otherwise):
        """For messages."""
        expect = self.left[0].expect if self.left else None
        return f"'{expect.pattern.decode()}'" if expect else otherwise
