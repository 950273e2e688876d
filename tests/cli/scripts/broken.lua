return {messages = {x = {fields = {a = "txt"}}}}
